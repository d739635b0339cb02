"""What went wrong in a run of several ranks is told once, by the rank that knows."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping

import torch.distributed as dist

from senet.distributed.accelerate_group import AccelerateGroup
from senet.distributed.heartbeat import LAUNCHER_GONE
from senet.distributed.process_group import PeerFailedError, RankLostError, RankTimeoutError
from senet.errors import SenetError

GRACE = 5.0  # seconds in which the rank that failed first says so
RESUME = "torchrun --max-restarts N resumes by itself; by hand run the same command (--resume)"


@contextlib.contextmanager
def report_errors_to_peers(group: AccelerateGroup) -> Iterator[None]:
    """Tell the others of an error here; where it comes of another rank's, let that one speak."""
    try:
        try:
            yield
        except PeerFailedError:
            raise
        except Exception as error:
            if _is_connection_error(error):
                reason = _reason(group)
                # a connection that broke since a rank failed is no cause, and its traceback would hide that rank's
                raise reason from (None if isinstance(reason, PeerFailedError) else error)
            group.report_failure(error)
            raise
    except PeerFailedError:
        with contextlib.suppress(BaseException):  # torchrun's SIGTERM, sent when the one that failed has ended
            time.sleep(GRACE)
        raise


@contextlib.contextmanager
def explain_signals(group: AccelerateGroup) -> Iterator[None]:
    """End without a word where a signal came because another rank failed: torchrun's SIGTERM to one that works on."""
    try:
        yield
    except Exception:  # an error, not a signal: report_errors_to_peers() has dealt with it, and it goes on as it is
        raise
    except BaseException as stop:
        with contextlib.suppress(dist.DistError):  # the store may be gone with the launcher
            if failure := group.peer_failure():
                raise failure from stop
        raise


def _is_connection_error(error: Exception) -> bool:
    """Return whether an exchange failed; torch has no type of its own for what gloo raises."""
    broken = isinstance(error, RuntimeError) and any(word in str(error).lower() for word in ("gloo", "nccl"))
    return broken or isinstance(error, dist.DistError)


def _reason(group: AccelerateGroup) -> SenetError:
    """Return why a connection broke, as far as the rank at its other end could say."""
    try:
        if failure := group.peer_failure(GRACE):
            return failure
    except dist.DistError:
        return RankLostError(LAUNCHER_GONE, do=RESUME)
    return RankLostError("the connection to another rank is lost: it was killed, or its machine is down", do=RESUME)


def exit_on_timeout(what: str) -> None:
    """End this process from the heartbeat's thread: its main thread may be in a call that never returns."""
    try:
        raise RankTimeoutError(what, do=RESUME)
    except RankTimeoutError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        _record(error, os.environ)
        os._exit(error.exit_code)


@contextlib.contextmanager
def record_for_torchelastic(environment: Mapping[str, str]) -> Iterator[None]:
    """Leave an error where torchrun looks for it, so that its summary shows the first one's own traceback."""
    try:
        yield
    except PeerFailedError:
        raise
    except Exception as error:
        _record(error, environment)
        raise


def _record(error: Exception, environment: Mapping[str, str]) -> None:
    if "TORCHELASTIC_ERROR_FILE" in environment:
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(error)
