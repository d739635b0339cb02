"""What a check does with images, wherever they lie: look at all, name what is wrong with them, find leaks."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from senet.data.leaks import Seen, leaks
from senet.data.look import Look
from senet.data.record import Finding, SplitCount
from senet.data.workers import forking, require_workers
from senet.errors import ResourceError
from senet.text import plain

CHUNK = 64  # images that a process is given at a time
T = TypeVar("T")
R = TypeVar("R")


def in_order(
    one: Callable[[T], R], items: Sequence[T], workers: int, named: Callable[[T], str], chunk: int = CHUNK
) -> Iterator[R]:
    """Look at images, in this process (``workers=0``) or in others.

    Args:
        one: Looks at one item, an image or many.
        items: What to look at.
        workers: Processes.
        named: Names an item, for a message.
        chunk: Items that a process is given at a time.

    Raises:
        ResourceError: A process died.
        UsageError: Fewer than no workers.
    """
    require_workers(workers)
    if workers == 0:
        yield from map(one, items)
        return
    done = 0
    try:
        with ProcessPoolExecutor(workers) as pool:
            with forking():
                found_in_order = pool.map(one, items, chunksize=chunk)
            for found in found_in_order:
                done += 1
                yield found
    except BrokenProcessPool as error:
        last = items[min(done + chunk * workers, len(items)) - 1]
        raise ResourceError(
            "a process that read images died: out of memory, or an image crashed the decoder",
            where=f"one of {named(items[done])} to {named(last)}",
            do="free memory, or move these images away and check again",
        ) from error


def contents(looks: dict[str, Look]) -> Iterator[Finding]:
    """Yield what is wrong with images, and once for each kind what is odd about them."""
    odd: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, found in looks.items():
        if found.problem:
            yield Finding(found.problem.kind, "error", name, found.problem.text)
        for kind, detail in found.oddities:
            odd[kind, detail].append(name)
    for (kind, detail), names in odd.items():
        more = f" ({len(names)} images, this is the first)" if len(names) > 1 else ""
        yield Finding(kind, "note", names[0], detail + more)


def shared(splits: Sequence[Sequence[str]], looks: dict[str, Look]) -> Iterator[Finding]:
    """Yield held-out images that the first split has too.

    Args:
        splits: Names of the images; the first are the training images.
        looks: What was found in each.
    """
    train, *held = ([Seen(name, looks[name]) for name in names] for names in splits)
    for split in held:
        for leak in leaks(train, split):
            if leak.exact:
                yield Finding("leak", "error", leak.held_out, f"the same file as {plain(leak.train)}")
            else:
                yield Finding("near-leak", "note", leak.held_out, f"looks like {plain(leak.train)}, encoded again")


def split_count(name: str, sizes: Sequence[int], readable: int) -> SplitCount:
    """Return what a split holds, from the number of images of each class."""
    return SplitCount(name, len(sizes), sum(sizes), readable, min(sizes, default=0), max(sizes, default=0))
