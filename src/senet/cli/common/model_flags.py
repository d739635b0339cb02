"""The flags that say which model, alike in every command; parsing them must not import torch."""

import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from senet.cli.common.input_flags import DEFAULT_INPUT_FLAGS, InputFlags
from senet.utils.text import short_name

if TYPE_CHECKING:
    from senet.models import StartConfig
    from senet.models.load import LoadedModel

GROUP = Group("Model")
MAX_NAME_BYTES = 120  # bytes: a file system takes 255, a path on Windows 260
WINDOWS_RESERVED = r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?"  # devices of Windows


@Parameter(group=GROUP)
@dataclass(frozen=True)
class StartFlags:
    """What the network begins with.

    Args:
        weights: Start from these rather than from random ones: .safetensors, .pth, .pt, .bin, .ckpt, .caffemodel, a
            folder that senet insert wrote, or hub:ORG/NAME@REVISION, which is fetched.
        head: new replaces the classifier by a fresh one, for weights of other classes.
        init: Initialisation of inserted blocks: paper, as for training from scratch; preserve, which leaves the
            outputs unchanged at first; by default preserve for a network with trained weights.
        geometry: Of senet's own networks: caffe (the authors') or torch (torchvision's and timm's); by default that of
            the weights, else the published one.
        raw: Take the raw weights of a checkpoint, not their moving average (EMA).
    """

    weights: str | None = None
    head: Literal["keep", "new"] = "keep"
    init: Literal["paper", "preserve"] | None = None
    geometry: Literal["caffe", "torch"] | None = None
    raw: bool = False


DEFAULT_START_FLAGS = StartFlags()


def start_config(flags: StartFlags) -> "StartConfig":
    """Return what flags say, as the library takes it."""
    from senet.models import StartConfig

    return StartConfig(**asdict(flags))


@Parameter(group=GROUP)
@dataclass(frozen=True)
class TrainedModelFlags:
    """What trained weights are of where they do not say it, and how they compute.

    Args:
        network: The architecture, where the weights do not name it or name a function: a name that senet models lists,
            torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION or FILE.py:FUNCTION, which is imported.
        geometry: Of senet's own networks: caffe or torch; by default that of the weights.
        attention: In the slots of senet's own networks, such as "SE.timm()", where the weights do not name it; or a
            block of your own that the weights have, "MODULE.PATH:CLASS(...)" or "FILE.py:CLASS(...)", which is
            imported.
        precision: Of the computation.
        device: auto, cpu, cuda, cuda:1 or mps.
        raw: Take the raw weights of a checkpoint, not their moving average (EMA).
        input: What the input is where it is not as the weights say.
    """

    network: str | None = None
    geometry: Literal["caffe", "torch"] | None = None
    attention: str = "published"
    precision: Literal["float32", "bf16"] = "float32"
    device: str = "auto"
    raw: bool = False
    input: Annotated[InputFlags, Parameter(name="*")] = DEFAULT_INPUT_FLAGS


DEFAULT_MODEL_FLAGS = TrainedModelFlags()


def load_model(weights: str, flags: TrainedModelFlags, classes: Path | None = None) -> "LoadedModel":
    """Open trained weights as flags say.

    Args:
        weights: As ``senet.load`` takes them.
        flags: What they are of.
        classes: JSON file of class names.
    """
    from senet.models.load import load

    return load(
        weights,
        network=flags.network,
        geometry=flags.geometry,
        attention=flags.attention,
        classes=classes,
        precision=flags.precision,
        device=flags.device,
        raw=flags.raw,
        given=flags.input.settings(),
    )


def folder_name(*parts: str) -> str:
    """Return a name for a folder, which every file system takes: Windows refuses colons, ``NUL`` and a last dot."""
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]+', "-", "-".join(parts)).rstrip("-. ")
    if len(name.encode()) > MAX_NAME_BYTES:  # the digest keeps two long names apart
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[: MAX_NAME_BYTES - 9].decode(errors='ignore')}-{digest}"
    return f"_{name}" if re.fullmatch(WINDOWS_RESERVED, name, re.IGNORECASE) else name or "_"


def attention_name_parts(attention: str) -> tuple[str, ...]:
    """Return what a folder's name says of attention: nothing where it is the network's own, of a file its class."""
    name, bracket, arguments = attention.partition("(")
    return () if attention == "published" else (f"{short_name(name)}{bracket}{arguments}",)
