"""What torchrun and accelerate launch tell a process about the run that it is part of."""

from collections.abc import Mapping
from dataclasses import dataclass

from senet.errors import UsageError
from senet.utils.text import counted

RENDEZVOUS = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
LAUNCHERS = "start it as torchrun --nproc-per-node N -m senet ..."


@dataclass(frozen=True)
class Launch:
    """One process of several.

    Args:
        rank: Of all processes, from 0.
        ranks: All processes.
        local_rank: Of this machine's processes, from 0; it chooses the GPU.
        local_ranks: This machine's processes.
        address: Host and port at which the processes meet.
    """

    rank: int
    ranks: int
    local_rank: int
    local_ranks: int
    address: str


def read_launch(environment: Mapping[str, str]) -> Launch | None:
    """Read what a launcher set; None for a process on its own.

    Raises:
        UsageError: A part is missing or no number.
    """
    size = environment.get("WORLD_SIZE") or ("?" if "RANK" in environment else "1")
    if size == "1":
        return None
    if missing := [name for name in RENDEZVOUS if not environment.get(name)]:
        raise UsageError(f"a distributed run, but {', '.join(missing)} is not set", do=LAUNCHERS)
    numbers = {name: _number(environment, name) for name in ("RANK", "WORLD_SIZE", "MASTER_PORT")}
    rank, ranks = numbers["RANK"], numbers["WORLD_SIZE"]
    if not 0 <= rank < ranks:
        raise UsageError(f"RANK={rank} is not one of WORLD_SIZE={ranks} ranks, 0 to {ranks - 1}", do=LAUNCHERS)
    if "LOCAL_RANK" not in environment:
        raise UsageError("LOCAL_RANK is not set: it selects the device of this process", do=LAUNCHERS)
    local = _number({"LOCAL_WORLD_SIZE": str(ranks), **environment}, "LOCAL_WORLD_SIZE")
    address = f"{environment['MASTER_ADDR']}:{numbers['MASTER_PORT']}"
    return Launch(rank, ranks, _number(environment, "LOCAL_RANK"), local, address)


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except ValueError as error:
        raise UsageError(f"{name}={environment[name]!r} is not a number", do=LAUNCHERS) from error


def is_restarted(environment: Mapping[str, str]) -> bool:
    """Return whether ``torchrun --max-restarts`` has started the processes again after a failure."""
    return environment.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def device_name(wanted: str, launch: Launch) -> str:
    """Return the device of one process: its own GPU, or the CPU for all.

    Args:
        wanted: ``auto``, ``cuda`` or ``cpu``.
        launch: Which process.

    Raises:
        UsageError: One device for all of them, or more processes than GPUs.
    """
    if wanted not in ("auto", "cuda", "cpu"):
        raise UsageError(f"--device {wanted} with {launch.ranks} ranks", do="pass --device auto, cuda or cpu")
    import torch  # not at import: the command line reads launches before it needs torch

    gpus = torch.cuda.device_count()
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return "cpu"
    if launch.local_ranks > gpus:
        cpu = "or hide the GPUs, CUDA_VISIBLE_DEVICES= (--device cpu)"
        do = f"pass --nproc-per-node {gpus}, {cpu}" if gpus else "pass --device cpu"
        raise UsageError(f"{launch.local_ranks} ranks on this machine, which has {counted(gpus, 'GPU')}", do=do)
    return f"cuda:{launch.local_rank}"
