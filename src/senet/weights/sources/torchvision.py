"""Torchvision's names. Its ResNets have the stride in the 3x3 and a padded pool."""

import torch

from senet.attention import SE
from senet.networks import create
from senet.weights.files.read import LoadedStateDict
from senet.weights.sources.dialect import RESNET, RESNET_MARKS, Dialect, Rule, TranslatedStateDict, renaming

RESNETS = Dialect("torchvision's ResNets", RESNET_MARKS, renaming(RESNET), "torch")

# `features` of vgg16_bn counts convolution, norm, ReLU and pool alike: the first index of each convolution.
_VGG = {"stem": (0, 3), "stage2": (7, 10), "stage3": (14, 17, 20), "stage4": (24, 27, 30), "stage5": (34, 37, 40)}
_VGG_LAYERS = {
    index + i: f"{stage}.conv{number}.{part}."
    for stage, indices in _VGG.items()
    for number, index in enumerate(indices, start=1)
    for i, part in enumerate(("conv", "bn"))
}
VGG_RULES: tuple[Rule, ...] = (
    *((rf"^features\.{index}\.", name) for index, name in _VGG_LAYERS.items()),
    (r"^classifier\.0\.", "head.fc1."),
    (r"^classifier\.3\.", "head.fc2."),
    (r"^classifier\.6\.", "head.fc."),
)
VGG = Dialect(
    "torchvision's VGG-16 with batch norm",
    (r"^features\.0\.weight", r"^features\.1\.running_mean", r"^classifier\.6\."),
    renaming(VGG_RULES),
)

# The right branch is convolution, norm, ReLU, depthwise convolution, norm, convolution, norm, ReLU.
_RIGHT = {0: "conv1.conv", 1: "conv1.bn", 3: "depthwise.conv", 4: "depthwise.bn", 5: "conv2.conv", 6: "conv2.bn"}
_LEFT = {0: "depthwise.conv", 1: "depthwise.bn", 2: "project.conv", 3: "project.bn"}
SHUFFLENET_RULES: tuple[Rule, ...] = (
    (r"^conv1\.0\.", "stem.conv1.conv."),
    (r"^conv1\.1\.", "stem.conv1.bn."),
    *((rf"^(stage\d\.\d+)\.branch1\.{i}\.", rf"\1.shortcut.{name}.") for i, name in _LEFT.items()),
    *((rf"^(stage\d\.\d+)\.branch2\.{i}\.", rf"\1.branch.{name}.") for i, name in _RIGHT.items()),
    (r"^conv5\.0\.", "head.conv.conv."),
    (r"^conv5\.1\.", "head.conv.bn."),
    (r"^fc\.", "head.fc."),
)
SHUFFLENETS = Dialect(
    "torchvision's ShuffleNets V2",
    (r"^conv1\.0\.", r"^stage2\.0\.branch1\.0\.", r"^conv5\.0\."),
    renaming(SHUFFLENET_RULES),
)


def mobilenet_v3(state: LoadedStateDict, network: str) -> TranslatedStateDict:
    """Rename a MobileNetV3: torchvision counts the units through, and the layers of a unit."""
    return renaming(_mobilenet_rules(network))(state, network)


def _mobilenet_rules(network: str) -> list[Rule]:
    with torch.device("meta"):
        model = create(network)
    rules: list[Rule] = [(r"^features\.0\.0\.", "stem.conv1.conv."), (r"^features\.0\.1\.", "stem.conv1.bn.")]
    units = [unit for stage in model.stages for unit in _branches(model.get_submodule(stage.name), stage.name)]
    for i, (prefix, layers) in enumerate(units, start=1):
        for j, layer in enumerate(layers):
            if layer == "attention":
                rules.append((rf"^features\.{i}\.block\.{j}\.fc", f"{prefix}.attention.fc"))
            else:
                rules.append((rf"^features\.{i}\.block\.{j}\.0\.", f"{prefix}.{layer}.conv."))
                rules.append((rf"^features\.{i}\.block\.{j}\.1\.", f"{prefix}.{layer}.bn."))
    last = len(units) + 1
    rules += [(rf"^features\.{last}\.0\.", "head.conv.conv."), (rf"^features\.{last}\.1\.", "head.conv.bn.")]
    return [*rules, (r"^classifier\.0\.", "head.hidden."), (r"^classifier\.3\.", "head.fc.")]


def _branches(stage: torch.nn.Module, name: str) -> list[tuple[str, list[str]]]:
    """Name each unit's branch and its layers; a network without branches has none of these names."""
    branches = [(i, getattr(unit, "branch", None)) for i, unit in stage.named_children()]
    return [(f"{name}.{i}.branch", [n for n, _ in b.named_children()]) for i, b in branches if b is not None]


MOBILENETS = Dialect(
    "torchvision's MobileNets V3",
    (r"^features\.0\.0\.", r"^features\.1\.block\.0\.0\.", r"^classifier\.3\."),
    mobilenet_v3,
    attention=SE.mobilenet_v3(),
)

DIALECTS = (RESNETS, VGG, SHUFFLENETS, MOBILENETS)
