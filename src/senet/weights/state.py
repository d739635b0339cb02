"""Read a file of weights, or take a state dict, into plain named tensors that are finite."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import safetensors
import torch
from torch import Tensor

from senet.errors import WeightsError
from senet.files import sha256
from senet.metadata import NOTHING, Metadata, read_metadata
from senet.weights import hub
from senet.weights.caffemodel import read_caffemodel
from senet.weights.kinds import Kind, require_kind

PREFIXES = ("module.", "_orig_mod.")  # DataParallel and torch.compile
WRAPPERS = ("state_dict", "model_state_dict", "model")  # what training scripts wrap a state dict in
ENTRY = "senet"
STATE_DICT = "the state dict"  # where weights are that come from no file
Source = Literal["senet", "caffe", "cbam", "cadene", "torchvision", "timm"]


@dataclass(frozen=True)
class Held:
    """What a file holds.

    Args:
        tensors: By the source's names, without the prefixes of wrappers.
        where: The file, for messages.
        metadata: What our own files say of themselves; empty for others.
        layer_types: Caffe's type of each layer; empty for others.
        origin: Of a file of the hub: repository, revision, commit and SHA-256.
        source: Whose names the tensors are said to have; None where nobody says.
        card: What lies beside the weights in a folder of timm's; empty for others.
    """

    tensors: dict[str, Tensor]
    where: str
    metadata: Metadata = NOTHING
    layer_types: dict[str, str] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    source: Source | None = None

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        return sha256(Path(self.where))


def read(weights: str | PathLike[str] | Mapping[str, Any]) -> Held:
    """Read weights of any source.

    Args:
        weights: A path, ``.safetensors``, ``.pth``, ``.pt``, ``.bin`` or ``.caffemodel``, or of a folder as the
            hub has them; a file of the hub, ``hub:ORG/NAME@REVISION``, which is fetched if it is not in the cache;
            or a state dict.

    Raises:
        WeightsError: The file is missing, damaged, of another kind than its name says or unsafe, or a tensor
            holds NaN or infinity.
    """
    if isinstance(weights, Mapping):
        held = Held(unwrapped(weights, STATE_DICT), STATE_DICT)
    else:
        found = hub.located(str(weights))
        held = replace(READERS[require_kind(found.path)](found.path), origin=found.origin, card=found.card)
    held = replace(held, tensors=without_prefixes(held.tensors))
    _check_values(held)
    return held


def _read_safetensors(path: Path) -> Held:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {}).get(ENTRY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, ValueError, RecursionError) as error:
        raise WeightsError(f"not a readable safetensors file: {error}", where=str(path), do="fetch it again") from error
    if not isinstance(said, dict):
        raise WeightsError(f"its metadata entry {ENTRY!r} is not an object", where=str(path))
    return Held(tensors, str(path), read_metadata(said, str(path)))


def _read_pickle(path: Path) -> Held:
    return Held(unwrapped(_unpickled(path), str(path)), str(path))


def _unpickled(path: Path) -> object:
    """Return the object in a file of torch.save's without letting it run code: only through ``weights_only=True``.

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


def _read_caffemodel(path: Path) -> Held:
    tensors, types = read_caffemodel(path)
    return Held(tensors, str(path), layer_types=types)


READERS: dict[Kind, Callable[[Path], Held]] = {
    "safetensors": _read_safetensors,
    "pickle": _read_pickle,
    "caffemodel": _read_caffemodel,
}


def unwrapped(loaded: object, where: str) -> dict[str, Tensor]:
    """Return the state dict, out of a training script's checkpoint if it is wrapped in one.

    Raises:
        WeightsError: There is none, or it holds other things than tensors.
    """
    for wrapper in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, Mapping) or not loaded:
        kind = "empty" if isinstance(loaded, Mapping) else f"a {type(loaded).__name__}"
        raise WeightsError(f"not a state dict: it is {kind}", where=where, do="pass names and tensors")
    others = [str(name) for name, value in loaded.items() if not isinstance(value, Tensor)]
    if others:
        raise WeightsError(
            f"not a state dict: {', '.join(others[:5])} and {max(len(others) - 5, 0)} more are no tensors",
            where=where,
            do=f"pass the state dict alone; one under {', '.join(WRAPPERS)} is found",
        )
    return {str(name): value.detach() for name, value in loaded.items()}


def without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take ``module.`` and ``_orig_mod.`` off, in any order and number, where every name has them."""
    while tensors:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), None)
        if prefix is None:
            break
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _check_values(held: Held) -> None:
    without = [name for name, value in held.tensors.items() if value.is_meta]
    if without:
        raise WeightsError(f"{len(without)} tensors are on the meta device and have no values", where=held.where)
    bad = [name for name, value in held.tensors.items() if not _finite(value)]
    if bad:
        shown = ", ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise WeightsError(
            f"NaN or infinity in {shown}", where=held.where, do="use a checkpoint from before it diverged"
        )


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
