"""The command line: parse, call, print. Importing it, and --help, must not import torch."""

import logging
import signal
import sys
from types import FrameType

from senet.errors import SenetError

SIGNALLED = 128
logger = logging.getLogger("senet")
logger.addHandler(logging.NullHandler())


class Terminated(BaseException):
    """SIGTERM arrived."""


def main() -> None:
    """Run the command line and exit: 0 ok, 2 usage, 3 data, 4 weights, 5 diverged, 6 resources, 130/143 signals."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(run(sys.argv[1:]))
    except BrokenPipeError:
        # The reader of our output left, as `| head` does; nothing more can be said.
        sys.stdout = None
        sys.exit(0)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are printed as what, where and what to do."""
    try:
        from cyclopts import CycloptsError

        from senet.cli.app import app
    except ModuleNotFoundError as error:
        return _missing(error)
    try:
        app(arguments, exit_on_error=False)
    except CycloptsError:
        return 2
    except SenetError as error:
        logger.error("%s", error.what, exc_info=error)
        print(str(error) if error.exit_code > SIGNALLED else f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        return _missing(error)
    except (KeyboardInterrupt, Terminated) as stop:
        print("stopped; what had finished is kept, and the same command continues", file=sys.stderr)
        return SIGNALLED + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)
    return 0


def _missing(error: ModuleNotFoundError) -> int:
    print(f"error: the commands need the extra `cli` ({error.name} is missing)", file=sys.stderr)
    print("pip install 'senet[cli]'", file=sys.stderr)
    return 2


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
