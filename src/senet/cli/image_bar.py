"""A bar that counts images, on standard error, where somebody can see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def image_bar() -> Iterator[Callable[[int, int], None]]:
    """Show a bar; what is yielded is told (images done, images in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("images", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
