"""What this machine is: versions and processor, which results are compared by; memory, instructions, folders."""

import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import senet


def environment() -> dict[str, str]:
    """Return versions and hardware, the part of the surroundings that can move a result."""
    import torch  # not at import: senet doctor asks for the rest where there is none

    return {
        "senet": senet.__version__,
        "torch": torch.__version__,
        "torchvision": version("torchvision"),  # importing it takes seconds
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def processor() -> str:
    """Return the processor's marketing name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def available_cores() -> int:
    """Return the number of cores that this process may use: its affinity and a container's limit count."""
    from joblib import cpu_count  # not at import: half of senet's commands never ask

    return int(cpu_count())


ROOT = Path("/")
LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container, version 2 and 1


@dataclass(frozen=True)
class Memory:
    """Bytes of main memory.

    Args:
        total: Of the machine.
        available: Without swapping.
        limit: Of the container, None where there is none.
    """

    total: int
    available: int
    limit: int | None = None


@dataclass(frozen=True)
class DiskSpace:
    """Room in a folder, or where it would be made.

    Args:
        path: Of the folder.
        free: Bytes.
        writable: Whether a file can be made there.
    """

    path: Path
    free: int
    writable: bool


def memory(root: Path = ROOT) -> Memory | None:
    """Return what Linux says of its memory.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    said = dict(re.findall(r"^(\w+):\s+(\d+) kB$", _text(root / "proc/meminfo"), re.MULTILINE))
    if not {"MemTotal", "MemAvailable"} <= said.keys():
        return None
    total, available = (1024 * int(said[name]) for name in ("MemTotal", "MemAvailable"))
    limits = [int(text) for name in LIMITS if (text := _text(root / name).strip()).isdigit()]
    limit = min(limits, default=total)  # version 1 says a huge number where there is none
    return Memory(total, available, limit if limit < total else None)


def cpu_flags(root: Path = ROOT) -> frozenset[str]:
    """Return the names of the processor's instruction sets, as Linux has them: ``avx2``, ``amx_bf16``."""
    found = re.search(r"^(?:flags|Features)\s*: (.*)$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def disk_space(path: Path) -> DiskSpace:
    """Return what room there is; a folder that is not there is not made."""
    there = next(one for one in (path, *path.absolute().parents) if one.exists())
    return DiskSpace(path, shutil.disk_usage(there).free, _writable(there))


def folder_size(path: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file() and not one.is_symlink())


def _writable(path: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=path):  # permissions do not tell of a read-only file system
            return True
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
