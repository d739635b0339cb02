"""A bar that says in words what its numbers are: what is done, the time taken, about how much is left."""

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column
from rich.text import Text

from senet.utils.text import counted

MIN_BAR_WIDTH = 10  # cells that stay for the bar itself
BarText = Callable[[], Sequence[str]]


class _TextColumn(ProgressColumn):
    """Asks, whenever it is drawn, what there is to say: time passes between two reports."""

    def __init__(self, console: Console) -> None:
        super().__init__(Column(no_wrap=True))  # the bar gives way, not the words
        self.console = console

    def render(self, task: Task) -> Text:
        """Draw as many of the parts as leave room for the bar, the first ones."""
        room = self.console.width - MIN_BAR_WIDTH - 1
        shown = ""
        for part in task.fields["text"]():
            longer = f"{shown}  {part}" if shown else part
            if shown and cell_len(longer) > room:
                break
            shown = longer
        return Text(shown, no_wrap=True)


def make_progress_bars(console: Console, *, transient: bool = False, disable: bool = False) -> Progress:
    """Return bars over the whole width.

    Args:
        console: Where they are drawn; the caller starts and stops them.
        transient: Whether they vanish in the end.
        disable: Whether nothing is drawn.

    Returns:
        The bars; a task's field ``text`` is a :data:`BarText`, whose first part is shown at any width.
    """
    columns = _TextColumn(console), BarColumn(bar_width=None)
    return Progress(*columns, console=console, expand=True, transient=transient, disable=disable)


def time_texts(taken: float, left: float | None) -> list[str]:
    """Say what time a run has taken and about how much is left, in seconds; None is not known yet."""
    known = [] if left is None else [f"about {_clock(left)} left"]
    return [f"taken {_clock(taken)}", *known]


def _clock(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))


@contextmanager
def image_progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Show a bar; what is yielded is told (images done, images in all)."""
    console, began, seen = Console(stderr=True), time.monotonic(), (0, 0)

    def text() -> list[str]:
        (done, total), taken = seen, time.monotonic() - began
        left = taken / done * (total - done) if done else None
        return [f"{done:,}/{counted(total, 'image')}", *time_texts(taken, left)]

    def watch(done: int, total: int) -> None:
        nonlocal seen
        seen = done, total
        bar.update(task, completed=done, total=total)

    with make_progress_bars(console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, text=text)
        yield watch
