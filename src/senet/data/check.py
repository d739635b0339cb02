"""Check a data folder before training: everything that would stop a run or spoil its score, and what is odd."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from senet.data.classes import collisions
from senet.data.images import MAX_PIXELS
from senet.data.leaks import Seen, leaks
from senet.data.look import Look, look
from senet.data.names import plain
from senet.data.record import Finding, Report, Severity, SplitCount
from senet.data.tree import Tree, held_out, scan
from senet.data.workers import forking
from senet.errors import ResourceError

CHUNK = 64  # images that a process is given at a time
PASSED = {
    "hidden": "hidden or a tool's own: ignored",
    "other": "not an image by its name: ignored",
    "loop": "a link that leads back to a folder above: not followed",
    "unreadable": "a folder that cannot be read",
}


def check(
    root: Path, max_pixels: int = MAX_PIXELS, workers: int = 0, watch: Callable[[int, int], None] | None = None
) -> Report:
    """Read every image of ``train/``, ``val/`` and ``test/`` as training would, and report what is found.

    Args:
        root: The folder that holds ``train/``.
        max_pixels: Larger images are reported without decoding them.
        workers: Processes that decode; 0 for none but this.
        watch: Is told (images done, images in all).

    Raises:
        DataError: There is no ``train/`` folder, or nothing held out.
        ResourceError: A process died, and with ``workers=0`` it would have been this one.
    """
    root = root.expanduser()
    trees = [scan(root / name) for name in ("train", *held_out(root))]
    paths = [path for tree in trees for images in tree.images.values() for path in images]
    looks: dict[Path, Look] = {}
    for path, found in zip(paths, _looks(paths, max_pixels, workers), strict=True):
        looks[path] = found
        if watch:
            watch(len(looks), len(paths))
    findings = [*_structure(root, trees), *_contents(root, looks), *_leaks(root, trees, looks)]
    counts = tuple(_count(tree, looks) for tree in trees)
    return Report(str(root), counts, trees[0].classes, tuple(findings))


def _looks(paths: Sequence[Path], max_pixels: int, workers: int) -> Iterator[Look]:
    one = partial(look, max_pixels=max_pixels)
    if workers == 0:
        yield from map(one, paths)
        return
    done = 0
    try:
        with ProcessPoolExecutor(workers) as pool:
            with forking():
                found_in_order = pool.map(one, paths, chunksize=CHUNK)
            for found in found_in_order:
                done += 1
                yield found
    except BrokenProcessPool as error:
        last = paths[min(done + CHUNK * workers, len(paths)) - 1]
        raise ResourceError(
            "a process that read images died: out of memory, or an image crashed the decoder",
            where=f"one of {plain(paths[done])} to {plain(last)}",
            do="free memory, or move these images away and check again",
        ) from error


def _structure(root: Path, trees: Sequence[Tree]) -> Iterator[Finding]:
    train = trees[0]
    if len(train.classes) < 2:
        yield Finding("classes", "error", "train", f"{len(train.classes)} class folders; a classifier needs two")
    for group in collisions(train.classes):
        names = ", ".join(map(ascii, group))
        yield Finding("collision", "error", "train", f"{names} are one name to other file systems")
    for tree in trees:
        if not any(tree.images.values()):
            yield Finding("no-images", "error", tree.folder.name, "no images")
        yield from _classes(tree, train)
        for passed in tree.passed:
            severity: Severity = "error" if passed.why == "unreadable" else "note"
            yield Finding(passed.why, severity, _relative(root, passed.path), PASSED[passed.why])


def _classes(tree: Tree, train: Tree) -> Iterator[Finding]:
    split = tree.folder.name
    for name, images in tree.images.items():
        if name not in train.images:
            yield Finding("unknown-class", "error", f"{split}/{name}", "train has no class of this name")
        elif not images and any(tree.images.values()) and tree is train:
            yield Finding("empty-class", "error", f"{split}/{name}", "a class without training images")
        elif len(images) == 1 and tree is train:
            yield Finding("small-class", "note", f"{split}/{name}", "one training image: none can be held out of it")
    if tree is not train:
        for name in train.classes:
            if not tree.images.get(name):
                detail = f"{split} has no images of {name!r}; its accuracy is n/a"
                yield Finding("missing-class", "note", f"{split}/{name}", plain(detail))


def _contents(root: Path, looks: dict[Path, Look]) -> Iterator[Finding]:
    odd: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path, found in looks.items():
        if found.problem:
            yield Finding(found.problem.kind, "error", _relative(root, path), found.problem.text)
        for kind, detail in found.oddities:
            odd[kind, detail].append(path)
    for (kind, detail), paths in odd.items():
        more = f" ({len(paths)} images, this is the first)" if len(paths) > 1 else ""
        yield Finding(kind, "note", _relative(root, paths[0]), detail + more)


def _leaks(root: Path, trees: Sequence[Tree], looks: dict[Path, Look]) -> Iterator[Finding]:
    train, *held = ([Seen(_relative(root, path), looks[path]) for path in _paths(tree)] for tree in trees)
    for split in held:
        for leak in leaks(train, split):
            if leak.exact:
                yield Finding("leak", "error", leak.held_out, f"the same file as {plain(leak.train)}")
            else:
                yield Finding("near-leak", "note", leak.held_out, f"looks like {plain(leak.train)}, encoded again")


def _count(tree: Tree, looks: dict[Path, Look]) -> SplitCount:
    sizes = [len(images) for images in tree.images.values()]
    readable = Counter(looks[path].problem is None for path in _paths(tree))[True]
    return SplitCount(tree.folder.name, len(sizes), sum(sizes), readable, min(sizes, default=0), max(sizes, default=0))


def _paths(tree: Tree) -> Iterable[Path]:
    return (path for images in tree.images.values() for path in images)


def _relative(root: Path, path: Path) -> str:
    return os.path.relpath(path, root)
