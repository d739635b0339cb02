"""Timm's names: its ResNets with and without attention, the SENets that it took over from Cadene."""

from dataclasses import replace

from senet.attention import SE, SK
from senet.weights.files.read import LoadedStateDict
from senet.weights.sources.cadene import INCEPTION_RESNET, SENETS
from senet.weights.sources.dialect import RESNET, RESNET_MARKS, Dialect, Rule, renaming

SE_RULES: tuple[Rule, ...] = (*RESNET, (r"\.se\.", ".attention."))

# Timm's SK networks nest a unit's layers as ours do; the fuse step is of 1x1 convolutions.
SK_RULES: tuple[Rule, ...] = (
    *RESNET[:2],
    (r"^(stage\d+\.\d+)\.conv(\d)\.", r"\1.branch.conv\2."),
    (r"\.paths\.", ".branches."),
    (r"\.attn\.fc_reduce\.", ".fc1."),
    (r"\.attn\.bn\.", ".bn1."),
    (r"\.attn\.fc_select\.", ".fc2."),
    *RESNET[3:],
)


def refuse_split_input(state: LoadedStateDict) -> str:
    """Say no to SK networks whose branches see half of the channels each, as timm's ``skresnet18`` and ``34``."""
    for conv, width in (("conv1", "conv1"), ("conv2", "layer1.0.conv1.conv")):
        path = state.tensors.get(f"layer1.0.{conv}.paths.0.conv.weight")
        before = state.tensors.get(f"{width}.weight")
        if path is not None and before is not None and 2 * path.shape[1] == before.shape[0]:
            return (
                "these weights are of an SK network of timm's with split_input, such as skresnet18, skresnet34 or "
                "skresnet50: each branch sees one half of the channels; in the paper, and here, each sees all"
            )
    return ""


RESNETS = Dialect("timm's ResNets", RESNET_MARKS, renaming(RESNET), "torch")
SE_MARKS = (*RESNET_MARKS, r"\.se\.fc1\.")
SE_RESNETS = Dialect("timm's SE-ResNets", SE_MARKS, renaming(SE_RULES), "torch", SE.timm())
SK_MARKS = (*RESNET_MARKS, r"\.paths\.0\.conv\.")
SK_RESNETS = Dialect("timm's SK-ResNets", SK_MARKS, renaming(SK_RULES), "torch", SK(), refuse_split_input)
LEGACY = replace(SENETS, family="timm's legacy SENets")


def refuse_mobilenet(state: LoadedStateDict) -> str:
    """Say no to every MobileNetV3 of timm's: what it computes differs between names that are all the same."""
    return (
        "timm's mobilenetv3_* have batch norms with an epsilon of 1e-5 and its tf_mobilenetv3_* pad one side more; "
        "the paper's network, and ours, has an epsilon of 1e-3 and pads both sides, as torchvision's does"
    )


MOBILENETS = Dialect(
    "timm's MobileNets V3", (r"^conv_stem\.", r"^blocks\.\d\.\d\.conv_dw\."), renaming(()), refuse=refuse_mobilenet
)

DIALECTS = (RESNETS, SE_RESNETS, SK_RESNETS, LEGACY, INCEPTION_RESNET, MOBILENETS)
