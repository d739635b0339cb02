"""The flags that say which model, alike in every command; parsing them must not import torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from senet.models import Start
    from senet.models.load import LoadedModel

GROUP = Group("Model")
OF_ONE_FOLDER = ("weights.safetensors", "model.toml", "best.safetensors", "last.safetensors", "weights")


@Parameter(group=GROUP)
@dataclass(frozen=True)
class StartFlags:
    """What the network begins with.

    Args:
        weights: Start from these rather than from random ones: .safetensors, .pth, .pt, .bin, .caffemodel, a folder
            that senet insert wrote, or hub:ORG/NAME@REVISION, which is fetched.
        head: new keeps a fresh classifier, for weights of other classes.
        init: Of inserted blocks: paper, as trained from scratch; preserve: the outputs stay the same until training
            moves them; by default preserve where the network has trained weights.
        geometry: Of a network of ours: caffe (the authors') or torch (torchvision's and timm's); by default the
            weights', else the published one.
    """

    weights: str | None = None
    head: Literal["keep", "new"] = "keep"
    init: Literal["paper", "preserve"] | None = None
    geometry: Literal["caffe", "torch"] | None = None


NOTHING_SAID = StartFlags()


def start_of(flags: StartFlags) -> "Start":
    """Return what flags say, as the library takes it."""
    from senet.models import Start

    return Start(**asdict(flags))


@Parameter(group=GROUP)
@dataclass(frozen=True)
class TrainedFlags:
    """What trained weights are of where they do not say it, and how they compute.

    Args:
        network: What the weights are of, where they do not say it or name a function: a name that senet models lists,
            torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION or FILE.py:FUNCTION, which is imported.
        geometry: Of a network of ours: caffe or torch; by default the weights'.
        attention: In the slots of a network of ours, such as "SE.timm()", where it is not the weights'; or a block of
            your own that the weights have, "MODULE.PATH:CLASS(...)" or "FILE.py:CLASS(...)", which is then imported.
        precision: Of the computation.
        device: auto, cpu, cuda, cuda:1 or mps.
    """

    network: str | None = None
    geometry: Literal["caffe", "torch"] | None = None
    attention: str = "published"
    precision: Literal["float32", "bf16"] = "float32"
    device: str = "auto"


AS_THE_WEIGHTS_SAY = TrainedFlags()


def opened(weights: str, flags: TrainedFlags, classes: Path | None = None) -> "LoadedModel":
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
    )


def short(network: str) -> str:
    """Return the last part of a network's or a source's name, fit for a folder; of a file in a run's, the run's."""
    parts = network.replace(":", "/").rstrip("/").split("/")
    while len(parts) > 1 and parts[-1] in OF_ONE_FOLDER:
        parts.pop()
    return parts[-1].removesuffix(".safetensors") or network
