"""Join the processes of a launch, and leave them."""

import contextlib
import importlib
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from senet.distributed.accelerate_group import AccelerateGroup
from senet.distributed.error_reports import (
    exit_on_timeout,
    explain_signals,
    record_for_torchelastic,
    report_errors_to_peers,
)
from senet.distributed.heartbeat import Heartbeat
from senet.distributed.launch import Launch, device_name, read_launch
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.errors import ResourceError

RENDEZVOUS_TIMEOUT = timedelta(minutes=5)  # for all ranks to come to the rendezvous
COLLECTIVE_TIMEOUT = timedelta(minutes=10)  # for one exchange between steps: a second line, behind the heartbeat


@contextlib.contextmanager
def process_group(device: str, environment: Mapping[str, str] = os.environ) -> Iterator[tuple[ProcessGroup, str]]:
    """Join the processes of torchrun or accelerate launch; for a process on its own there is nothing to join.

    Args:
        device: As the user wrote it.
        environment: Where the launcher left its variables.

    Yields:
        The process group, and the name of this process's device.

    Raises:
        UsageError: The launch cannot work.
        ResourceError: The port is taken, or not all ranks came.
        PeerFailedError: Another rank failed and says why.
        RankLostError: Another rank is gone and could not say why.
    """
    launch = read_launch(environment)
    if launch is None:
        yield SINGLE_PROCESS, device
        return
    with record_for_torchelastic(environment):
        name = device_name(device, launch)
        store, accelerator = _init_process_group(launch, name, environment)
        group = AccelerateGroup(store, launch, accelerator)
        store.set(f"who/{launch.rank}", f"pid {os.getpid()} on {socket.gethostname()}")
        with (
            Heartbeat(store.clone(), launch.rank, launch.ranks, exit_on_timeout),
            explain_signals(group),
            report_errors_to_peers(group),
        ):
            yield group, name
            group.barrier()
        dist.destroy_process_group()


def _init_process_group(launch: Launch, device: str, environment: Mapping[str, str]) -> tuple[Any, Any]:
    """Start the process group; return a store that no earlier attempt has written to, and Accelerate's view of it."""
    from accelerate import Accelerator

    # DDP imports it. Its functions' defaults keep a group that exists by then, and gloo's threads outlive the run.
    importlib.import_module("torch.distributed.nn")
    on_gpu = device.startswith("cuda")
    try:
        store, _, _ = next(rendezvous("env://", launch.rank, launch.ranks, timeout=RENDEZVOUS_TIMEOUT))
        if launch.local_ranks == launch.ranks:  # torchrun keeps one store for all attempts of a single machine
            store = PrefixStore(f"attempt {environment.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
        backend = "nccl" if on_gpu and dist.is_nccl_available() else "gloo"
        dist.init_process_group(
            backend, store=store, rank=launch.rank, world_size=launch.ranks, timeout=COLLECTIVE_TIMEOUT
        )
    except (dist.DistNetworkError, dist.DistStoreError) as error:
        said = str(error).partition("\n")[0]
        if "EADDRINUSE" in str(error) or "address already in use" in str(error):
            do = "set MASTER_PORT to a free one; torchrun without --master-port finds one by itself"
            raise ResourceError("the port is in use", where=launch.address, do=do) from error
        do = "start all ranks with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE"
        raise ResourceError(f"not all {launch.ranks} ranks joined: {said}", where=launch.address, do=do) from error
    accelerator = Accelerator(cpu=not on_gpu, mixed_precision="no")  # precision and the like are the recipe's
    names = [uuid.uuid4().hex]  # machines count their attempts apart
    dist.broadcast_object_list(names, src=0)
    return PrefixStore(names[0], store), accelerator
