"""A bar that counts images, on standard error, where somebody can see it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def image_bar() -> Iterator[Callable[[int, int], None]]:
    """Show a bar; what is yielded is told (images done, images in all)."""
    from rich.console import Console

    from senet.cli.bars import bars, times
    from senet.text import counted

    console, began, seen = Console(stderr=True), time.monotonic(), (0, 0)

    def said() -> list[str]:
        (done, total), taken = seen, time.monotonic() - began
        left = taken / done * (total - done) if done else None
        return [f"{done:,}/{counted(total, 'image')}", *times(taken, left)]

    def watch(done: int, total: int) -> None:
        nonlocal seen
        seen = done, total
        bar.update(task, completed=done, total=total)

    with bars(console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, said=said)
        yield watch
