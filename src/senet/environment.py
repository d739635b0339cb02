"""What a trial ran on: results are compared only between equal environments."""

import platform
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
