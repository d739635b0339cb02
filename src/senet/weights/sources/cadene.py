"""Names of Cadene's pretrainedmodels.

Those of its SENets are also those of timm's ``legacy_se*`` and of the authors' geometry; timm kept those of
Inception-ResNet-v2. BN-Inception has names with underscores, and a bias before every batch norm.
"""

import re

from senet.attention import SE
from senet.metadata import Metadata
from senet.weights.files.read import LoadedStateDict
from senet.weights.sources.dialect import BY_WORDNET, RESNET, Dialect, Rule, TranslatedStateDict, renaming

SENET_RULES: tuple[Rule, ...] = (
    (r"^layer0\.(conv|bn)(\d)\.", r"stem.conv\2.\1."),
    *RESNET,
    (r"\.se_module\.", ".attention."),
    (r"^last_linear\.", "head.fc."),
)
SENET_MARKS = (r"^layer0\.conv1\.", r"\.se_module\.fc1\.")


def refuse_basic_units(state: LoadedStateDict) -> str:
    """Say no to timm's ``legacy_seresnet18`` and ``34``, whose units are not the paper's."""
    if any(re.search(r"^layer1\.0\.conv3\.", name) for name in state.tensors):
        return ""
    return (
        "these weights are of timm's legacy_seresnet18 or legacy_seresnet34, which have a ReLU between the last "
        "batch norm of a branch and its squeeze-and-excitation; the paper's units, and ours, have none"
    )


SENETS = Dialect("Cadene's SENets", SENET_MARKS, renaming(SENET_RULES), "caffe", SE(), refuse_basic_units)

_BN_INCEPTION_LAYERS = {
    "1x1": "conv1x1",
    "3x3_reduce": "conv3x3.reduce",
    "3x3": "conv3x3.conv",
    "double_3x3_reduce": "double3x3.reduce",
    "double_3x3_1": "double3x3.conv1",
    "double_3x3_2": "double3x3.conv2",
    "pool_proj": "pool.project",
}
_BN_INCEPTION_STAGES = {"3ab": 3, "3c": 4, "4abcd": 4, "4e": 5, "5ab": 5}

BN_INCEPTION_RULES: tuple[Rule, ...] = (
    (r"^conv1_7x7_s2(_bn)?\.", r"stem.conv1\1."),
    (r"^conv2_3x3_reduce(_bn)?\.", r"stage2.reduce\1."),
    (r"^conv2_3x3(_bn)?\.", r"stage2.conv\1."),
    *(
        (rf"^(inception_{modules[0]}[{modules[1:]}])_{theirs}(_bn)?\.", rf"stage{stage}.\1.branches.{ours}\2.")
        for modules, stage in _BN_INCEPTION_STAGES.items()
        for theirs, ours in _BN_INCEPTION_LAYERS.items()
    ),
    (r"^((?:stem|stage)[\w.]*)_bn\.", r"\1.bn."),
    (r"^((?:stem|stage)[\w.]*)(?<!\.bn)\.(weight|bias)$", r"\1.conv.\2"),
    (r"^last_linear\.", "head.fc."),
)


def translate_bn_inception(state: LoadedStateDict, network: str) -> TranslatedStateDict:
    """Rename, and fold each convolution's bias b into the norm behind it, whose mean m becomes m - b."""
    renamed = renaming(BN_INCEPTION_RULES)(state, network)
    tensors = dict(renamed.tensors)
    for name in renamed.tensors:
        mean = name.replace(".conv.bias", ".bn.running_mean")
        if name.endswith(".conv.bias") and mean in tensors and tensors[mean].shape == tensors[name].shape:
            tensors[mean] = tensors[mean] - tensors.pop(name)
    return TranslatedStateDict(tensors, renamed.origin)


BN_INCEPTION_METADATA = Metadata(
    input_transform={"channel_order": "BGR", "range": 255, "mean": (104.0, 117.0, 128.0), "std": (1.0, 1.0, 1.0)},
    class_order=BY_WORDNET,
)

BN_INCEPTION = Dialect(
    "Cadene's BN-Inception",
    (r"^conv1_7x7_s2\.weight", r"^inception_5b_double_3x3_2_bn\."),
    translate_bn_inception,
    metadata=BN_INCEPTION_METADATA,
)

# Of Inception-ResNet-v2 the layers before the first branches, and the last one.
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


INCEPTION_RESNET_RULES: tuple[Rule, ...] = (
    (r"^block8\.", "repeat_2.9."),
    *((rf"^{theirs}\.", f"{ours}.") for theirs, ours in _PLAIN.items()),
    (
        r"^(?P<block>mixed_\d\w|repeat(?:_\d)?)\.(?:(?P<number>\d+)\.)?branch(?P<index>\d)\.(?:(?P<layer>\d)\.)?",
        _branch,
    ),
    (r"^(repeat(?:_\d)?)\.(\d+)\.conv2d\.", _project),
    (r"^(classif|last_linear)\.", "head.fc."),
)
INCEPTION_RESNET_MARKS = (r"^conv2d_1a\.conv\.", r"^repeat_1\.0\.branch1\.", r"^mixed_7a\.branch2\.")

# Trained by their authors in TensorFlow: pixels from -1 to 1.
INCEPTION_RESNET_METADATA = Metadata(
    input_transform={"channel_order": "RGB", "range": 1, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)},
    class_order=BY_WORDNET,
)

INCEPTION_RESNET = Dialect(
    "Inception-ResNet-v2 of Cadene and timm",
    INCEPTION_RESNET_MARKS,
    renaming(INCEPTION_RESNET_RULES),
    metadata=INCEPTION_RESNET_METADATA,
)

DIALECTS = (SENETS, INCEPTION_RESNET, BN_INCEPTION)
