"""What `senet doctor` looks at and prints. Each part is looked at by itself: what is missing stops no other."""

import json
import os
import platform
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import senet
from senet.cli.doctor.packages import optional_packages, required_packages, torch_or_none
from senet.errors import SenetError
from senet.utils import environment
from senet.utils.text import printable

State = Literal["ok", "note", "fault"]
GB, MIB = 1e9, 2**20
FAST_BF16 = ("amx_bf16", "avx512_bf16", "bf16")  # Intel's, AMD's and Intel's, Arm's
LEAST_MEMORY, LEAST_DISK, LEAST_SHARED = 2 * GB, 2 * GB, 256 * MIB
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class DoctorFinding:
    """Something that was looked at.

    Args:
        about: What.
        said: What was found.
        state: ``ok``; ``note``, with which senet works; ``fault``, with which it does not.
        do: What to do about it; empty where nothing is to be done.
    """

    about: str
    said: str
    state: State = "ok"
    do: str = ""


def findings() -> list[DoctorFinding]:
    """Look at everything."""
    return [finding for part in CHECKS for finding in _run_check(part)]


def _run_check(part: "Callable[[], Iterator[DoctorFinding]]") -> list[DoctorFinding]:
    try:
        return list(part())
    except SenetError as error:
        return [DoctorFinding(part.__name__, error.what, "fault", error.do)]
    except Exception as error:  # whatever a broken installation raises is what was found
        said = f"{type(error).__name__}: {error}"
        return [DoctorFinding(part.__name__, said, "fault", "install what it names again, or report it")]


def versions() -> Iterator[DoctorFinding]:
    """Yield senet, Python, and what senet cannot do without."""
    yield DoctorFinding("senet", f"{senet.__version__}, {Path(senet.__file__).parent}")
    yield DoctorFinding("python", f"{platform.python_version()}, {sys.executable}")
    for about, said, fits, do in required_packages():
        yield DoctorFinding(about, said, "ok" if fits else "fault", do)


def optional() -> Iterator[DoctorFinding]:
    """Yield the extras."""
    for about, said, complete, do in optional_packages():
        yield DoctorFinding(about, said, "ok" if complete else "note", do)


def processor() -> Iterator[DoctorFinding]:
    """Yield the processor, its cores, and whether bf16 is in its instructions."""
    from senet.utils.environment import available_cores
    from senet.utils.environment import processor as name

    yield DoctorFinding("processor", f"{name()}, {platform.system()} {platform.machine()}")
    cores, there = available_cores(), os.cpu_count() or 1
    limited = "" if cores == there else f" of {there}: affinity or the container's limit"
    yield DoctorFinding("cores", f"{cores}{limited}")
    sets = environment.cpu_flags()
    fast = [one for one in FAST_BF16 if one in sets]
    if fast:
        yield DoctorFinding("bf16", f"{', '.join(fast)}: may win; senet train measures it")
    elif sets:
        said = "no instructions for it: it is slower than float32 as a rule"
        yield DoctorFinding("bf16", said, "note", "nothing: senet train measures before it takes it")
    else:
        yield DoctorFinding("bf16", "this system does not say; senet train measures it")


def memory() -> Iterator[DoctorFinding]:
    """Yield main memory and what workers share."""
    found = environment.memory()
    if found is None:
        yield DoctorFinding("memory", "this system does not say")
    else:
        limit = f", of which the container has {found.limit / GB:.1f} GB" if found.limit else ""
        free = min(found.available, found.limit or found.available)
        said = f"{found.total / GB:.1f} GB{limit}, {free / GB:.1f} GB free"
        do = "lower --batch-size and --workers, or --in-memory no"
        yield DoctorFinding("memory", said, *(("ok", "") if free >= LEAST_MEMORY else ("note", do)))
    if SHARED_MEMORY.is_dir():
        free = shutil.disk_usage(SHARED_MEMORY).free
        enough = free >= LEAST_SHARED
        do = "" if enough else "workers hand batches over there: docker run --shm-size 1g, or --workers 0"
        yield DoctorFinding(str(SHARED_MEMORY), f"{free / MIB:,.0f} MiB free", "ok" if enough else "note", do)


def folders() -> Iterator[DoctorFinding]:
    """Yield where runs go, and the caches."""
    from senet.data.hashing import cache_folder

    yield _room("current folder", Path.cwd(), "pass --out FOLDER to commands that write")
    cache = cache_folder()
    kept = f", {environment.folder_size(cache) / 1e6:,.1f} MB kept" if cache.is_dir() else ""
    yield _room("cache", cache, "set XDG_CACHE_HOME to a folder that can be written", kept)
    torch = torch_or_none()
    if torch is not None:
        yield _room("torch hub", Path(torch.hub.get_dir()), "set TORCH_HOME to a folder that can be written")


def _room(about: str, path: Path, elsewhere: str, more: str = "") -> DoctorFinding:
    found = environment.disk_space(path)
    said = f"{path}, {found.free / GB:.1f} GB free{more}"
    if not found.writable:
        return DoctorFinding(about, f"{said}, cannot be written", "note", elsewhere)
    if found.free < LEAST_DISK:
        return DoctorFinding(about, said, "note", f"free space, or {elsewhere}")
    return DoctorFinding(about, said)


def devices() -> Iterator[DoctorFinding]:
    """Yield what torch can compute on."""
    torch = torch_or_none()
    if torch is None:
        return
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        yield DoctorFinding(f"cuda:{number}", f"{properties.name}, {properties.total_memory / GB:.1f} GB")
    if torch.backends.mps.is_available():
        yield DoctorFinding("mps", "Apple's GPU")
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return
    if shutil.which("nvidia-smi"):
        do = "install a torch for CUDA: https://pytorch.org/get-started/locally"
        yield DoctorFinding("devices", f"an NVIDIA driver, but torch {torch.__version__} does not use it", "note", do)
    else:
        yield DoctorFinding("devices", "the processor alone")


CHECKS = (versions, processor, memory, devices, folders, optional)


WIDEST, INDENT = 100, 7


def finding_lines(found: Iterable[DoctorFinding], width: int | None = None) -> Iterator[str]:
    """Yield the lines of findings: the state, what was found, and below it what to do.

    Args:
        found: In their order.
        width: Of a line; the terminal's if None.
    """
    width = min(width or shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    for one in found:
        yield from _wrapped(f"{one.state:{INDENT}}", f"{one.about}: {one.said}", width)
        if one.do:
            yield from _wrapped(" " * INDENT, f"-> {one.do}", width)


def as_json(found: Iterable[DoctorFinding]) -> str:
    """Return findings as one JSON object."""
    listed = [asdict(one) for one in found]
    return json.dumps({"findings": listed, "faults": sum(one["state"] == "fault" for one in listed)})


def _wrapped(start: str, text: str, width: int) -> list[str]:
    after = " " * INDENT
    return textwrap.wrap(printable(text), width, initial_indent=start, subsequent_indent=after, break_on_hyphens=False)
