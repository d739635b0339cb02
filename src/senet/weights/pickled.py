"""Read what torch.save wrote without letting it run code: only through ``weights_only=True``."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from senet.errors import WeightsError


def read_pickle(path: Path) -> object:
    """Return the object in a file of torch.save's.

    Raises:
        WeightsError: The file is damaged, or would need more than tensors and plain containers to be read; lists
            what it asks for.
    """
    foreign = _foreign_globals(path)
    if foreign:
        raise _unsafe(path, foreign)
    try:
        loaded: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever its bytes spell
        # Torch's message goes on to advise weights_only=False.
        asked = re.findall(r"GLOBAL ([\w.]+)", str(error))
        if asked:
            raise _unsafe(path, asked) from error
        said = (str(error).strip() or type(error).__name__).splitlines()[0].split(" In PyTorch ")[0]
        raise WeightsError(
            f"not a readable file of torch.save: {said}", where=str(path), do="fetch it again"
        ) from error
    return loaded


def _foreign_globals(path: Path) -> Sequence[str]:
    """List what torch's restricted reader would refuse; empty also where it cannot tell, as in old files."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # whatever damage raises here, the restricted reading that follows names it
        return []


def _unsafe(path: Path, asked: Sequence[str]) -> WeightsError:
    return WeightsError(
        f"the file asks to run foreign code when it is read: {', '.join(asked)}",
        where=str(path),
        do="do not open it; ask its author for safetensors, or for torch.save(model.state_dict(), ...)",
    )
