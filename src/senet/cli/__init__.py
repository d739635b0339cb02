"""The command line: parse, call, print. Importing it, and --help, must not import torch."""

import errno
import logging
import os
import signal
import sys
import time
from types import FrameType

from senet.cli.common.interrupts import Terminated, interrupt_text
from senet.cli.common.log import closing_log_files
from senet.errors import ResourceError, SenetError
from senet.utils.allocator import keep_freed_memory
from senet.utils.files import FULL, writing_remedy
from senet.utils.text import printable

SIGNAL_EXIT_CODE = 128
START_TIME = time.monotonic()  # of the command, before it imports what takes seconds
logger = logging.getLogger("senet")
logger.addHandler(logging.NullHandler())


def main() -> None:
    """Run the command line and exit: 0 ok, 2 usage, 3 data, 4 weights, 5 diverged, 6 resources, 130/143 signals."""
    signal.signal(signal.SIGTERM, _terminate)
    keep_freed_memory()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output left, as `| head` does; nothing more can be said.
        sys.stdout = None
        sys.exit(0)
    except OSError as error:
        if error.errno not in (*FULL, errno.EFBIG):
            raise
        sys.stdout = None
        print(f"error: cannot write to standard output: {error.strerror}", file=sys.stderr)
        print(writing_remedy(error, "write to another file"), file=sys.stderr)
        sys.exit(ResourceError.exit_code)
    sys.exit(code)


@closing_log_files()
def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are printed as what, where and what to do."""
    try:
        from cyclopts import CycloptsError

        from senet.cli.app import app, import_all
        from senet.cli.common.command_line import without_unknown_flags
    except ModuleNotFoundError as error:
        return _print_missing_package(error)
    except (KeyboardInterrupt, Terminated) as stop:
        return _print_interrupted(stop)
    try:
        if not arguments or arguments[0].startswith("-"):
            import_all()
        app(arguments, exit_on_error=False)
    except CycloptsError:
        return 2
    except SenetError as error:
        logger.error("%s", error.what, exc_info=error)
        error.do = without_unknown_flags(error.do, arguments)
        print(
            _error_text(error) if error.exit_code > SIGNAL_EXIT_CODE else f"{_rank()}error: {_error_text(error)}",
            file=sys.stderr,
        )
        return error.exit_code
    except ModuleNotFoundError as error:
        return _print_missing_package(error)
    except OSError as error:
        return _print_os_error(error)
    except (KeyboardInterrupt, Terminated) as stop:
        return _print_interrupted(stop)
    return 0


def _print_interrupted(stop: BaseException) -> int:
    if not _rank():
        print(interrupt_text(stop), file=sys.stderr)
    return SIGNAL_EXIT_CODE + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _rank() -> str:
    """Return which process of a distributed run speaks, where it is not the first."""
    rank = os.environ.get("RANK", "0")
    return f"rank {rank}: " if rank != "0" else ""


def _print_missing_package(error: ModuleNotFoundError) -> int:
    print(f"error: the commands need the extra `cli` ({error.name} is missing)", file=sys.stderr)
    print("pip install 'senet[cli]'", file=sys.stderr)
    return 2


def _error_text(error: SenetError) -> str:
    """Return an error's lines, in which names of other people's are shown and not obeyed."""
    what = "\n".join(map(printable, error.what.split("\n")))  # tables are lines
    return "\n".join(line for line in (what, printable(error.where), printable(error.do)) if line)


def _print_os_error(error: OSError) -> int:
    """Report a file that the system refuses, such as one whose name is too long; without a name it is our fault."""
    if error.filename is None:
        raise error
    do = writing_remedy(error, "check the path and its permissions")
    refused = ResourceError(str(error.strerror), where=os.fsdecode(error.filename), do=do)
    logger.error("%s", refused.what, exc_info=error)
    print(f"error: {_error_text(refused)}", file=sys.stderr)
    return refused.exit_code


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
