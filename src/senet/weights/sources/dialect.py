"""One source's names for one family of networks, and how they become ours."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from senet.attention import AttentionSpec
from senet.errors import WeightsError
from senet.metadata import NO_METADATA, Metadata
from senet.networks.network import Geometry
from senet.weights.files.read import LoadedStateDict

Rule = tuple[str, str | Callable[[re.Match[str]], str]]  # pattern and replacement, as for re.sub


@dataclass(frozen=True)
class TranslatedStateDict:
    """Tensors under our names.

    Args:
        tensors: By our name; one that the source alone knows keeps its name.
        origin: The source's name of each.
    """

    tensors: dict[str, Tensor]
    origin: dict[str, str]


def accept_all(state: LoadedStateDict) -> str:
    """Refuse nothing."""
    return ""


@dataclass(frozen=True)
class Dialect:
    """One source's names for one family.

    Args:
        family: For messages: ``timm's ResNets``.
        marks: Patterns that each find a name in such a state dict.
        translate: Weights and the name of our network -> tensors under our names.
        geometry: What the source's networks of these names compute, which the names do not show; None: no choice.
        attention: What their attention computes, up to its sizes, which the shapes show; None where there is none.
        refuse: Why these weights, though of these names, are for a network that we do not have; empty if they fit.
        metadata: What travels with the weights: the input transform, the order of the classes.
    """

    family: str
    marks: tuple[str, ...]
    translate: Callable[[LoadedStateDict, str], TranslatedStateDict]
    geometry: Geometry | None = None
    attention: AttentionSpec | None = None
    refuse: Callable[[LoadedStateDict], str] = accept_all
    metadata: Metadata = NO_METADATA

    def fits(self, names: Sequence[str]) -> bool:
        """Say whether every mark finds a name."""
        return all(any(re.search(mark, name) for name in names) for mark in self.marks)


def renaming(rules: Sequence[Rule]) -> Callable[[LoadedStateDict, str], TranslatedStateDict]:
    """Make a translation that only renames, by all rules in their order.

    Raises:
        WeightsError: (the translation) two names become one.
    """

    def translate(state: LoadedStateDict, network: str) -> TranslatedStateDict:
        tensors: dict[str, Tensor] = {}
        origin: dict[str, str] = {}
        for name, value in state.tensors.items():
            ours = name
            for pattern, replacement in rules:
                ours = re.sub(pattern, replacement, ours)
            if ours in origin:
                raise WeightsError(f"{name} and {origin[ours]} both become our {ours}", where=state.where)
            tensors[ours], origin[ours] = value, name
        return TranslatedStateDict(tensors, origin)

    return translate


def next_stage(match: re.Match[str]) -> str:
    """``layer1`` is the papers' stage 2, the first after the stem."""
    return f"stage{int(match[1]) + 1}."


# Torchvision's ResNets, whose names most people took over; a unit's layers lie side by side.
RESNET: tuple[Rule, ...] = (
    (r"^(conv|bn)1\.", r"stem.conv1.\1."),
    (r"^layer(\d+)\.", next_stage),
    (r"^(stage\d+\.\d+)\.(conv|bn)(\d)\.", r"\1.branch.conv\3.\2."),
    (r"^(stage\d+\.\d+)\.downsample\.0\.", r"\1.shortcut.conv."),
    (r"^(stage\d+\.\d+)\.downsample\.1\.", r"\1.shortcut.bn."),
    (r"^fc\.", "head.fc."),
)
RESNET_MARKS = (r"^conv1\.", r"^layer1\.0\.conv1\.", r"^layer2\.0\.")

BY_WORDNET = "ImageNet, sorted by WordNet id"
IMAGENET = Metadata(
    class_order=BY_WORDNET,
    input_transform={"channel_order": "RGB", "range": 1, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
)
