"""Run the source's own implementation, where it is installed, beside ours on the same image and weights."""

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from senet.attention import AttentionSpec
from senet.errors import UsageError, WeightsError
from senet.networks import PUBLISHED
from senet.networks.create import Published
from senet.weights.fitting import Choice, network_for
from senet.weights.load import install
from senet.weights.match import COUNTER
from senet.weights.recognise import recognise
from senet.weights.state import Held, Source, read

PLAIN = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d")
WIDE = ("resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2")
SE = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x4d")

INCEPTION = {"inception_resnet_v2": "inception_resnet_v2"}
TORCHVISION = (
    "vgg16_bn",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
)

# Source -> our name -> the source's.
REFERENCES: dict[Source, dict[str, str]] = {
    "torchvision": {name: name for name in (*PLAIN, *WIDE, *TORCHVISION)},
    "timm": {
        **{name: name for name in (*PLAIN, *WIDE, "resnext101_32x4d")},
        **{f"se_{name}": f"se{name}" for name in SE},
        "sknet50": "skresnext50_32x4d",
        **INCEPTION,
    },
    # Timm keeps Cadene's networks; pretrainedmodels itself no longer imports in a clean environment.
    "cadene": {
        **{f"se_{name}": f"legacy_se{name}" for name in (*SE, "resnext26_32x4d")},
        "senet154": "legacy_senet154",
        **INCEPTION,
    },
}
LIBRARIES: dict[Source, str] = {"torchvision": "torchvision", "timm": "timm", "cadene": "timm"}
BUILDERS = {"torchvision": ("torchvision.models", "get_model"), "timm": ("timm", "create_model")}


@dataclass(frozen=True)
class Verified:
    """The largest difference between two implementations' logits, in float64.

    Args:
        reference: The library and its name of the network.
        difference: Largest absolute difference.
        largest: Largest absolute logit of the reference.
        size: Height and width of the images.
    """

    reference: str
    difference: float
    largest: float
    size: int

    @property
    def equal(self) -> bool:
        """Whether it is rounding: between two orders of float64's operations it stays below 1e-12 of a logit."""
        return self.difference <= 1e-9 * self.largest


def verify(
    file: Path,
    network: str,
    *,
    source: Source | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
    size: int = 224,
) -> Verified:
    """Compare our logits with the source implementation's, two random images, weights from the file.

    Args:
        file: Of a source whose implementation can be installed.
        network: Our name of the network.
        source: Whose names they are; None recognises it.
        attention: As for ``create()``, where the file is not for the published one.
        size: Height and width of the images.

    Raises:
        UsageError: The source has no implementation to run, or it is not installed.
        WeightsError: The file does not fit.
    """
    held = replace(read(file), source=source)
    found, dialect = recognise(held)
    ours = network_for(network, held, dialect, Choice(attention))
    install(ours, held)
    name, theirs = _reference(found, network, ours.num_classes)
    _fill(theirs, held, name)
    images = torch.randn(2, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = cast(torch.Tensor, theirs.double().eval()(images))
        logits = cast(torch.Tensor, ours.double().eval()(images))
    return Verified(name, float((logits - expected).abs().max()), float(expected.abs().max()), size)


def _reference(source: Source, network: str, classes: int) -> tuple[str, nn.Module]:
    name = REFERENCES.get(source, {}).get(network)
    if name is None:
        known = {s: sorted(names) for s, names in REFERENCES.items()}
        raise UsageError(
            f"{network} of {source} has no implementation to compare with",
            do="known: " + "; ".join(f"{s}: {', '.join(names)}" for s, names in known.items()),
        )
    library = LIBRARIES[source]
    module, builder = BUILDERS[library]
    try:
        build: Any = getattr(import_module(module), builder)
    except ModuleNotFoundError as error:
        raise UsageError(f"{library} is not installed", do=f"pip install {library}") from error
    return f"{library} {name}", build(name, num_classes=classes)


def _fill(theirs: nn.Module, held: Held, name: str) -> None:
    keys = theirs.load_state_dict(held.tensors, strict=False)
    wrong = [key for key in (*keys.missing_keys, *keys.unexpected_keys) if not key.endswith(COUNTER)]
    if wrong:
        raise WeightsError(f"{name} does not take them: {', '.join(wrong[:5])}", where=held.where)
