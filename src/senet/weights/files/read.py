"""Read a file of weights, or take a state dict, into plain named tensors that are finite."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import safetensors
import torch
from torch import Tensor

from senet.errors import WeightsError
from senet.metadata import NO_METADATA, Metadata, read_metadata
from senet.utils.files import sha256
from senet.weights.files.checkpoint import detach_tensors, find_state_dict
from senet.weights.files.contents import NO_CONTENTS, CheckpointContents
from senet.weights.files.kinds import Kind, require_kind
from senet.weights.hub import download

PREFIXES = ("module.", "_orig_mod.")  # DataParallel and torch.compile
METADATA_KEY = "senet"
STATE_DICT = "the state dict"  # where weights are that come from no file
WeightsSource = Literal["senet", "caffe", "cbam", "cadene", "torchvision", "timm"]


@dataclass(frozen=True)
class LoadedStateDict:
    """What a file holds.

    Args:
        tensors: By the source's names, without the prefixes of wrappers.
        where: The file, for messages.
        metadata: What our own files say of themselves; empty for others.
        layer_types: Caffe's type of each layer; empty for others.
        origin: Of a file of the hub: repository, revision, commit and SHA-256.
        hub_config: What lies beside the weights in a folder of timm's; empty for others.
        source: Whose names the tensors are said to have; None where nobody says.
        contents: What else the file holds, and which of its tensors these are.
        beside: Of files beside them that are not used, in sentences.
        raw: Whether the raw weights are wanted where there is an average of them, too.
    """

    tensors: dict[str, Tensor]
    where: str
    metadata: Metadata = NO_METADATA
    layer_types: dict[str, str] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    hub_config: dict[str, Any] = field(default_factory=dict)
    source: WeightsSource | None = None
    contents: CheckpointContents = NO_CONTENTS
    beside: tuple[str, ...] = ()
    raw: bool = False

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        return sha256(Path(self.where))


def read_weights(weights: str | PathLike[str] | Mapping[str, Any], raw: bool = False) -> LoadedStateDict:
    """Read weights of any source.

    Args:
        weights: A path, ``.safetensors``, ``.pth``, ``.pt``, ``.bin`` or ``.caffemodel``, or of a folder as the
            hub has them; a file of the hub, ``hub:ORG/NAME@REVISION``, which is fetched if it is not in the cache;
            or a state dict.
        raw: Take the raw weights where a file has an average of them, too.

    Raises:
        WeightsError: The file is missing, damaged, of another kind than its name says or unsafe, or a tensor
            holds NaN or infinity.
    """
    if isinstance(weights, Mapping):
        tensors, contents = find_state_dict(weights, STATE_DICT, raw)
        state = LoadedStateDict(tensors, STATE_DICT, contents=contents)
    else:
        found = download.find_weights_file(str(weights))
        state = replace(READERS[require_kind(found.path)](found.path, raw), origin=found.origin)
        state = replace(state, hub_config=found.hub_config, beside=found.notes)
    state = replace(state, tensors=without_prefixes(detach_tensors(state.tensors, state.where)), raw=raw)
    _check_values(state)
    return state


def _read_safetensors(path: Path, raw: bool) -> LoadedStateDict:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, ValueError, RecursionError) as error:
        raise WeightsError(f"not a readable safetensors file: {error}", where=str(path), do="fetch it again") from error
    if not isinstance(said, dict):
        raise WeightsError(f"its metadata entry {METADATA_KEY!r} is not an object", where=str(path))
    return LoadedStateDict(tensors, str(path), read_metadata(said, str(path)))


def _read_pickle(path: Path, raw: bool) -> LoadedStateDict:
    from senet.weights.files.pickled.read import load_pickle  # a reader is imported for the files that it reads

    tensors, contents = find_state_dict(load_pickle(path), str(path), raw)
    return LoadedStateDict(tensors, str(path), contents=contents)


def _read_caffemodel(path: Path, raw: bool) -> LoadedStateDict:
    from senet.weights.files.caffemodel import read_caffemodel

    tensors, types = read_caffemodel(path)
    return LoadedStateDict(tensors, str(path), layer_types=types)


READERS: dict[Kind, Callable[[Path, bool], LoadedStateDict]] = {
    "safetensors": _read_safetensors,
    "pickle": _read_pickle,
    "caffemodel": _read_caffemodel,
}


def without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take ``module.`` and ``_orig_mod.`` off, in any order and number, where every name has them."""
    while tensors:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), None)
        if prefix is None:
            break
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _check_values(state: LoadedStateDict) -> None:
    without = [name for name, value in state.tensors.items() if value.is_meta]
    if without:
        raise WeightsError(f"{len(without)} tensors are on the meta device and have no values", where=state.where)
    bad = [name for name, value in state.tensors.items() if not _finite(value)]
    if bad:
        shown = ", ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise WeightsError(
            f"NaN or infinity in {shown}", where=state.where, do="use a checkpoint from before it diverged"
        )


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
