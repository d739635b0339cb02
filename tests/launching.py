"""Start ranks as users do: by torchrun, in processes of their own."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOY = HERE / "rank_toy.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


def environment(**changes):
    """One thread a rank, its stacks where it crashes, and nothing of a launch that this process may be part of."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**inherited, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1", "PYTHONPATH": path, **changes}


def start(*words, **changes):
    """Start a process group; its output is one stream."""
    command = [str(word) for word in words]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(**changes),
        start_new_session=True,
    )


def torchrun(ranks, *words, restarts=0):
    """Start ranks; ``words`` are a script or ``-m senet`` and its arguments."""
    return start(*TORCHRUN, "--nproc-per-node", ranks, "--max-restarts", restarts, *words)


def ended(process, seconds=240):
    """Wait for a process, and return its exit code and all that it said; nothing of it stays behind."""
    try:
        said, _ = process.communicate(timeout=seconds)
    finally:
        clear(process)
    return process.returncode, said


def clear(process):
    """Kill what is left of a process group that this test started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
