"""Names of Inception-ResNet-v2 that Cadene gave it and that timm kept."""

import re

from senet.metadata import Metadata
from senet.weights.dialect import BY_WORDNET, Dialect, Rule, renaming

# The layers before the first branches, and the last one.
_PLAIN = {
    "conv2d_1a": "stem.0",
    "conv2d_2a": "stem.1",
    "conv2d_2b": "stem.2",
    "conv2d_3b": "stage2.0",
    "conv2d_4a": "stage2.1",
    "conv2d_7b": "stage5.last",
}

# Block -> its stage, our name of it, and of its branches in order.
_BLOCKS = {
    "mixed_5b": ("stage3", "mixed_5b", ("conv1x1", "conv5x5", "double3x3", "pool")),
    "repeat": ("stage3", "block35", ("conv1x1", "conv3x3", "double3x3")),
    "mixed_6a": ("stage4", "mixed_6a", ("conv3x3", "double3x3")),
    "repeat_1": ("stage4", "block17", ("conv1x1", "conv7x7")),
    "mixed_7a": ("stage5", "mixed_7a", ("wide3x3", "conv3x3", "double3x3")),
    "repeat_2": ("stage5", "block8", ("conv1x1", "conv3x3")),
}


def _branch(match: re.Match[str]) -> str:
    """Name a branch; one that is a single layer has no index at the source."""
    block, number, index, layer = match["block"], match["number"], int(match["index"]), match["layer"] or "0"
    stage, name, branches = _BLOCKS[block]
    unit = name if number is None else f"{name}_{int(number) + 1}"
    return f"{stage}.{unit}.branches.{branches[index]}.{layer}." if index < len(branches) else match[0]


def _project(match: re.Match[str]) -> str:
    stage, name, _ = _BLOCKS[match[1]]
    return f"{stage}.{name}_{int(match[2]) + 1}.project."


RULES: tuple[Rule, ...] = (
    (r"^block8\.", "repeat_2.9."),
    *((rf"^{theirs}\.", f"{ours}.") for theirs, ours in _PLAIN.items()),
    (
        r"^(?P<block>mixed_\d\w|repeat(?:_\d)?)\.(?:(?P<number>\d+)\.)?branch(?P<index>\d)\.(?:(?P<layer>\d)\.)?",
        _branch,
    ),
    (r"^(repeat(?:_\d)?)\.(\d+)\.conv2d\.", _project),
    (r"^(classif|last_linear)\.", "head.fc."),
)
MARKS = (r"^conv2d_1a\.conv\.", r"^repeat_1\.0\.branch1\.", r"^mixed_7a\.branch2\.")

# Trained by their authors in TensorFlow: pixels from -1 to 1.
METADATA = Metadata(
    input_transform={"channel_order": "RGB", "range": 1, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)},
    class_order=BY_WORDNET,
)

INCEPTION_RESNET = Dialect("Inception-ResNet-v2 of Cadene and timm", MARKS, renaming(RULES), metadata=METADATA)
