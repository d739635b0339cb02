"""Ctrl-C and the scheduler's SIGTERM: finish the step, save, and leave with the shell's exit code."""

import signal
import threading
from functools import partial
from types import FrameType

from senet.errors import SenetError

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
HANDLED = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))  # Windows has no SIGHUP


class StoppedError(SenetError):
    """A signal ended the run; its state is saved.

    Args:
        what: Which signal, and where the run stands.
        where: The run's folder.
        do: The line that resumes it.
        signal_number: Sets the exit code: 128 + number, 130 for Ctrl-C and 143 for SIGTERM.
    """

    def __init__(self, what: str, *, where: str = "", do: str = "", signal_number: int = signal.SIGINT) -> None:
        super().__init__(what, where=where, do=do)
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple[object, ...]:
        made = partial(StoppedError, where=self.where, do=self.do, signal_number=self.exit_code - 128)
        return made, (self.what,)


class ReceivedSignal(BaseException):
    """Unwinds the loop to the place that saves; never leaves the room."""


class Signals:
    """Notes signals while it is entered; the first asks to stop, the second acts as if nothing were handled."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():  # elsewhere Python refuses handlers
            for number in HANDLED:
                if signal.getsignal(number) != signal.SIG_IGN:  # under nohup, or left to a parent: it stays ignored
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def check(self) -> None:
        """Raise :class:`ReceivedSignal` if a signal came."""
        if self.number is not None:
            raise ReceivedSignal

    def reraise(self) -> None:
        """Let the signal that came do what it would have done at once: for code that swallows what handlers raise."""
        number, self.number = self.number, None
        if number is not None:
            signal.raise_signal(number)  # its own handler is back

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal() itself returned
        self._before.clear()
