"""Run the source's own implementation, where it is installed, beside ours on the same image and weights."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch

from senet.attention import AttentionSpec
from senet.errors import UsageError
from senet.models.factory.build_model import build_model, fill_model
from senet.models.factory.config import ModelConfig
from senet.models.factory.name import ModelName
from senet.networks import PUBLISHED
from senet.networks.create import Published
from senet.weights.files.read import WeightsSource, read_weights
from senet.weights.hub.config import ARCHITECTURES, RESNETS, WIDE
from senet.weights.infer_network import NetworkOptions, network_for
from senet.weights.load import load_into_model
from senet.weights.prefixes import strip_prefixes as ours_of

OTHERS = ("vgg16_bn", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0")

# Source -> our name -> the source's.
REFERENCES: dict[WeightsSource, dict[str, str]] = {
    "torchvision": {name: name for name in (*RESNETS, *WIDE, *OTHERS) if name != "resnext101_32x4d"},
    "timm": {ours: theirs for theirs, ours in ARCHITECTURES.items() if not theirs.startswith("legacy_")},
    # Timm keeps Cadene's networks; pretrainedmodels itself no longer imports in a clean environment.
    "cadene": {
        **{ours: theirs for theirs, ours in ARCHITECTURES.items() if theirs.startswith("legacy_")},
        "inception_resnet_v2": "inception_resnet_v2",
    },
}


@dataclass(frozen=True)
class VerifyResult:
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
    source: WeightsSource | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
    size: int = 224,
    raw: bool = False,
) -> VerifyResult:
    """Compare our logits with the source implementation's, two random images, weights from the file.

    Args:
        file: Of a source whose implementation can be installed.
        network: Our name of the network.
        source: Whose names they are; None recognises it.
        attention: As for ``create()``, where the file is not for the published one.
        size: Height and width of the images.
        raw: Take the raw weights where the file has an average of them, too.

    Raises:
        UsageError: The source has no implementation to run, or it is not installed.
        WeightsError: The file does not fit.
    """
    state = ours_of(replace(read_weights(file, raw), source=source))
    ours = network_for(network, state, NetworkOptions(attention))
    reference = _reference(cast(WeightsSource, load_into_model(ours, state).source), network)
    theirs = build_model(ModelConfig(reference, NetworkOptions(num_classes=ours.num_classes)))
    fill_model(theirs, reference, replace(state, source=None))
    images = torch.randn(2, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = cast(torch.Tensor, theirs.double().eval()(images))
        logits = cast(torch.Tensor, ours.double().eval()(images))
    difference, largest = float((logits - expected).abs().max()), float(expected.abs().max())
    return VerifyResult(f"{reference.kind} {reference.name}", difference, largest, size)


def _reference(source: WeightsSource, network: str) -> ModelName:
    name = REFERENCES.get(source, {}).get(network)
    if name is None:
        known = {s: sorted(names) for s, names in REFERENCES.items()}
        raise UsageError(
            f"{network} of {source} has no implementation to compare with",
            do="known: " + "; ".join(f"{s}: {', '.join(names)}" for s, names in known.items()),
        )
    return ModelName("torchvision" if source == "torchvision" else "timm", name)
