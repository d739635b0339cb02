"""Which device a model runs on."""

import torch

from senet.errors import UsageError


def device_of(name: str) -> torch.device:
    """Return the device, or refuse one that is not there: nothing falls back to a slower one unasked.

    Args:
        name: As torch has it, or ``auto``: a GPU where there is one.

    Raises:
        UsageError: It cannot be used.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        what = str(error).partition("\n")[0]
        raise UsageError(f"device {name!r} cannot be used: {what}", do="pass --device auto or cpu") from error
