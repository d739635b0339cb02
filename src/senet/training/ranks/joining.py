"""Join the processes of a launch, and leave them: with what went wrong told once, by the rank that knows."""

import contextlib
import os
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from senet.errors import ResourceError, SenetError
from senet.training.ranks.failures import LostError, SilentError, ToldError
from senet.training.ranks.heartbeat import GONE, Heartbeat
from senet.training.ranks.launch import Launch, device_name, launched
from senet.training.ranks.ranks import Ranks
from senet.training.ranks.together import Together
from senet.training.team import ALONE, Team

ARRIVAL = timedelta(minutes=5)  # for all ranks to come to the rendezvous
HANGING = timedelta(minutes=10)  # for one exchange between steps: a second line, behind the heartbeat
BROKEN = ("gloo", "nccl", "connection", "socket", "timed out", "broken pipe")  # in what torch raises then
GRACE = 5.0  # seconds in which the rank that failed first says so


@contextlib.contextmanager
def joined(device: str, environment: Mapping[str, str] = os.environ) -> Iterator[tuple[Team, str]]:
    """Join the processes of torchrun or accelerate launch; for a process on its own there is nothing to join.

    Args:
        device: As the user wrote it.
        environment: Where the launcher left its variables.

    Yields:
        The team, and the name of this process's device.

    Raises:
        UsageError: The launch cannot work.
        ResourceError: The port is taken, or not all ranks came.
        ToldError: Another rank failed and says why.
        LostError: Another rank is gone and could not say why.
    """
    launch = launched(environment)
    if launch is None:
        yield ALONE, device
        return
    with _recorded(environment):
        name = device_name(device, launch)
        store, accelerator = _met(launch, name, environment)
        together = Together(store, launch)
        store.set(f"who/{launch.rank}", f"pid {os.getpid()} on {socket.gethostname()}")
        with Heartbeat(store.clone(), launch.rank, launch.ranks, _lost), _told(together):
            yield Ranks(together, accelerator), name
            together.meet()
        dist.destroy_process_group()


def _met(launch: Launch, device: str, environment: Mapping[str, str]) -> tuple[Any, Any]:
    """Start the process group; return a store that no earlier attempt has written to, and Accelerate's view of it."""
    from accelerate import Accelerator

    on_gpu = device.startswith("cuda")
    try:
        store, _, _ = next(rendezvous("env://", launch.rank, launch.ranks, timeout=ARRIVAL))
        if launch.local_ranks == launch.ranks:  # torchrun keeps one store for all attempts of a single machine
            store = PrefixStore(f"attempt {environment.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
        backend = "nccl" if on_gpu and dist.is_nccl_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=launch.rank, world_size=launch.ranks, timeout=HANGING)
    except (dist.DistNetworkError, dist.DistStoreError) as error:
        said = str(error).partition("\n")[0]
        if "EADDRINUSE" in str(error) or "address already in use" in str(error):
            do = "set MASTER_PORT to a free one; torchrun without --master-port finds one by itself"
            raise ResourceError("the port is taken by another program", where=launch.address, do=do) from error
        do = "start all ranks with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE"
        raise ResourceError(f"not all of {launch.ranks} ranks came: {said}", where=launch.address, do=do) from error
    accelerator = Accelerator(cpu=not on_gpu, mixed_precision="no")  # precision and the like are the recipe's
    names = [uuid.uuid4().hex]  # machines count their attempts apart
    dist.broadcast_object_list(names, src=0)
    return PrefixStore(names[0], store), accelerator


@contextlib.contextmanager
def _told(together: Together) -> Iterator[None]:
    """Tell the others of an error here; where it comes of another rank's, let that one speak."""
    try:
        try:
            yield
        except ToldError:
            raise
        except Exception as error:
            if _is_of_a_connection(error):
                raise _reason(together) from error
            together.failed(error)
            raise
    except ToldError:
        with contextlib.suppress(BaseException):  # torchrun's SIGTERM, sent when the one that failed has ended
            time.sleep(GRACE)
        raise


def _is_of_a_connection(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in BROKEN)


def _reason(together: Together) -> SenetError:
    """Return why a connection broke, as far as the rank at its other end could say."""
    until = time.monotonic() + GRACE
    try:
        while time.monotonic() < until:
            if failure := together.failure():
                return failure
            time.sleep(0.1)
    except dist.DistError:
        return LostError(GONE, do=RESUME)
    return LostError("another rank is gone without a word: it was killed, or its machine is lost", do=RESTART)


RESUME = "torchrun --max-restarts continues by itself, --resume by hand"
RESTART = f"the launcher names it; {RESUME}"


def _lost(what: str) -> None:
    """End this process from the heartbeat's thread: its main thread may be in a call that never returns."""
    try:
        raise SilentError(what, do=RESUME)
    except SilentError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        _record(error, os.environ)
        os._exit(error.exit_code)


@contextlib.contextmanager
def _recorded(environment: Mapping[str, str]) -> Iterator[None]:
    """Leave an error where torchrun looks for it, so that its summary shows the first one's own traceback."""
    try:
        yield
    except ToldError:
        raise
    except Exception as error:
        _record(error, environment)
        raise


def _record(error: Exception, environment: Mapping[str, str]) -> None:
    if "TORCHELASTIC_ERROR_FILE" in environment:
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(error)
