"""Names of Cadene's pretrainedmodels, which are also those of timm's ``legacy_se*`` and of the authors' geometry."""

import re

from senet.attention import SE
from senet.weights.dialect import IMAGENET, RESNET, Dialect, Rule, renaming
from senet.weights.state import Held
from senet.weights.translate_bn_inception import BN_INCEPTION
from senet.weights.translate_inception_resnet import INCEPTION_RESNET

RULES: tuple[Rule, ...] = (
    (r"^layer0\.(conv|bn)(\d)\.", r"stem.conv\2.\1."),
    *RESNET,
    (r"\.se_module\.", ".attention."),
    (r"^last_linear\.", "head.fc."),
)
MARKS = (r"^layer0\.conv1\.", r"\.se_module\.fc1\.")


def refuse_basic_units(held: Held) -> str:
    """Say no to timm's ``legacy_seresnet18`` and ``34``, whose units are not the paper's."""
    if any(re.search(r"^layer1\.0\.conv3\.", name) for name in held.tensors):
        return ""
    return (
        "these weights are of timm's legacy_seresnet18 or legacy_seresnet34, which have a ReLU between the last "
        "batch norm of a branch and its squeeze-and-excitation; the paper's units, and ours, have none"
    )


SENETS = Dialect("Cadene's SENets", MARKS, renaming(RULES), "caffe", SE(), refuse_basic_units, IMAGENET)

DIALECTS = (SENETS, INCEPTION_RESNET, BN_INCEPTION)
