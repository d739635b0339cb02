"""Networks that the insertion is proved on: where they come from, and what is known about them from elsewhere.

The numbers of units are the depths printed in the papers and the libraries' own configurations; the names of
residual units are those of the instances of the library's class for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from own import OWN
from torch import nn

from senet import SK
from senet.insertion import Place
from senet.insertion.places.place import STRATEGIES

KINDS = ("residual", "separable", "concat", "dense", "conv")


@dataclass(frozen=True)
class Row:
    """One network.

    Args:
        source: ``torchvision:NAME``, ``timm:NAME`` or ``own:NAME``.
        residual: Number of residual units, by stages or blocks.
        blocks: The library's classes for them.
        skip: Attribute of an instance that is None or false where it has no shortcut; "!" in front turns it around.
        separable: Depthwise-separable units outside of these.
        concat: Units that end in a concatenation.
        dense: Densely connected units.
        conv: Convolutions, in networks without units.
        lacks: Strategies that it has no places for.
        sk: Whether a selective kernel can take the place of its 3x3 convolutions.
        attends: Whether it has attention of its own.
        outside: Strategies whose places lie outside of the blocks, as where the shortcut is computed by their caller.
        size: Height and width of the example.
        small: A smaller height and width: its last maps have one position, where it runs on that and can be told.
    """

    source: str
    residual: tuple[int, ...] = ()
    blocks: tuple[str, ...] = ()
    skip: str = ""
    separable: int = 0
    concat: int = 0
    dense: int = 0
    conv: int = 0
    lacks: frozenset[str] = field(default_factory=frozenset)
    sk: bool = False
    attends: bool = False
    outside: frozenset[str] = field(default_factory=frozenset)
    size: int = 64
    small: int = 32

    @property
    def units(self) -> dict[str, int]:
        """Number of units of each kind that it has."""
        counts = (sum(self.residual), self.separable, self.concat, self.dense, self.conv)
        return {kind: n for kind, n in zip(KINDS, counts, strict=True) if n}

    @property
    def example(self) -> tuple[int, ...]:
        """Shape of a batch."""
        return (2, 3, self.size, self.size)

    def build(self) -> nn.Module:
        """Build it; parameters that start at zero, and all that normalises, get values at which nothing is hidden."""
        torch.manual_seed(0)
        library, _, name = self.source.partition(":")
        return awake(LIBRARIES[library](name))

    def residual_units(self, model: nn.Module) -> set[str]:
        """Name the instances of the library's classes that have a shortcut."""
        found = ((name, m) for name, m in model.named_modules() if type(m).__name__ in self.blocks)
        return {name for name, m in found if self._has_shortcut(m)}

    def _has_shortcut(self, block: nn.Module) -> bool:
        if not self.skip:
            return True
        value = getattr(block, self.skip.removeprefix("!"))
        return (value is not None and value is not False) != self.skip.startswith("!")


def awake(model: nn.Module) -> nn.Module:
    """Give scales that start at zero, and statistics, other values, so that every branch counts."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    for parameter in model.parameters():
        if parameter.ndim <= 1 or not parameter.any():
            nn.init.uniform_(parameter, 0.1, 1.0)
    return model


def selective(places: Iterable[Place]) -> SK:
    """Return a selective kernel with one group for each channel, or with one group where that does not work."""
    kernels = [(p.channels, p.kernel.in_channels) for p in places if p.strategy == "conv3x3" and p.kernel]
    return SK(groups="depthwise" if all(after % before == 0 for after, before in kernels) else 1, minimum=4)


def torchvision_model(name: str) -> nn.Module:
    import torchvision

    backbone, _, part = name.partition("/")
    more = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    more |= {"weights_backbone": None} if part else {}
    model = torchvision.models.get_model(backbone, weights=None, **more)
    return model.backbone if part else model


def timm_model(name: str) -> nn.Module:
    import timm

    return timm.create_model(name)


LIBRARIES = {
    "torchvision": torchvision_model,
    "timm": timm_model,
    "own": lambda name: OWN[name](),
}


def resnet(source: str, *residual: int, **more) -> Row:
    """A network all of whose units are ResNet's."""
    return Row(source, residual, ("BasicBlock", "Bottleneck"), **({"sk": True} | more))


def inverted(source: str, residual: int, separable: int, blocks: str, skip: str = "has_skip", **more) -> Row:
    """A network of inverted residuals, of which those without a shortcut are separable convolutions."""
    return Row(source, (residual,), tuple(blocks.split()), skip, separable, **more)


def lacks(*names: str) -> frozenset[str]:
    return frozenset(names)


# Strategies that only a unit with a shortcut has.
SHORTCUT = ("pre", "post", "identity")
PLAIN = lacks(*SHORTCUT)
UNITS_ONLY = lacks(*SHORTCUT, "conv3x3")
MIXED = lacks("pre", "identity", "conv3x3")  # the convolution that begins a unit is split among modules
PARTIAL = lacks("standard", "post")  # the sum takes some of the channels, outside of any module

ROWS = (
    # He et al. 1512.03385, table 1; Xie et al. 1611.05431; Zagoruyko and Komodakis 1605.07146
    resnet("torchvision:resnet18", 2, 2, 2, 2),
    resnet("torchvision:resnet34", 3, 4, 6, 3),
    resnet("torchvision:resnet50", 3, 4, 6, 3),
    resnet("torchvision:resnext50_32x4d", 3, 4, 6, 3),
    resnet("torchvision:wide_resnet50_2", 3, 4, 6, 3),
    resnet("timm:resnet26", 2, 2, 2, 2),
    resnet("timm:resnet14t", 1, 1, 1, 1),
    resnet("timm:resnet50d", 3, 4, 6, 3),
    Row("timm:resnext26ts", (2, 2, 2, 2), ("BottleneckBlock",)),
    resnet("timm:seresnet18", 2, 2, 2, 2, attends=True),
    resnet("timm:ecaresnet26t", 2, 2, 2, 2, attends=True),
    Row("timm:skresnet18", (2, 2, 2, 2), ("SelectiveKernelBasic",), lacks=lacks("conv3x3"), attends=True, small=48),
    Row("timm:resnest14d", (1, 1, 1, 1), ("ResNestBottleneck",), sk=True, attends=True),
    Row("timm:res2net50_14w_8s", (3, 4, 6, 3), ("Bottle2neck",), lacks=lacks("conv3x3")),
    Row("timm:resnetv2_18", (2, 2, 2, 2), ("PreActBasic",), sk=True),
    Row("timm:resnetv2_50", (3, 4, 6, 3), ("PreActBottleneck",), sk=True),
    Row("timm:nf_resnet26", (2, 2, 2, 2), ("NormFreeBlock",), sk=True),
    Row("timm:nfnet_l0", (1, 2, 6, 3), ("NormFreeBlock",), attends=True),
    resnet("timm:tresnet_m", 3, 4, 11, 3, lacks=lacks("conv3x3"), attends=True, sk=False),
    # Radosavovic et al. 2003.13678, table 12; Lin et al. 2006.14090
    Row("torchvision:regnet_x_400mf", (1, 2, 7, 12), ("ResBottleneckBlock",), sk=True),
    Row("torchvision:regnet_y_400mf", (1, 3, 6, 6), ("ResBottleneckBlock",), sk=True, attends=True),
    Row("timm:regnetx_002", (1, 1, 4, 7), ("Bottleneck",), sk=True),
    Row("timm:regnety_002", (1, 1, 4, 7), ("Bottleneck",), sk=True, attends=True),
    Row("timm:gernet_s", (1, 3, 7, 2, 1), ("BasicBlock", "BottleneckBlock"), sk=True),
    # networks of parallel and nested parts
    Row("timm:dla34", (2, 4, 4, 2), ("DlaBasic",), sk=True, outside=lacks("identity")),
    Row("timm:dla46_c", (2, 4, 4, 2), ("DlaBottleneck",), sk=True, outside=lacks("identity")),
    resnet("timm:hrnet_w18_small", 1, 2 * 2, 3 * 2, 4 * 2, 4),
    Row("timm:cspresnet50", (3, 3, 5, 2), ("BottleneckBlock",)),
    Row("timm:cspdarknet53", (1, 2, 8, 8, 4), ("DarkBlock",)),
    Row("timm:cs3darknet_s", (1, 3, 4, 1), ("DarkBlock",)),
    Row("timm:darknet17", (1, 1, 1, 1, 1), ("DarkBlock",)),
    Row("timm:darknet53", (1, 2, 8, 8, 4), ("DarkBlock",)),
    Row("timm:repvgg_a0", (1, 3, 13, 0), ("RepVggBlock",), "identity", lacks=lacks("pre")),
    Row("timm:legacy_xception", (12,), ("Block",), separable=2, lacks=lacks("conv3x3")),
    Row("timm:xception41", (12,), ("XceptionModule",), "!no_skip", separable=3, lacks=lacks("conv3x3")),
    # Chollet 1610.02357 above; ConvNeXt 2201.03545 and its kin
    Row("torchvision:convnext_tiny", (3, 3, 9, 3), ("CNBlock",)),
    Row("timm:convnext_atto", (2, 2, 6, 2), ("ConvNeXtBlock",)),
    Row("timm:convnextv2_atto", (2, 2, 6, 2), ("ConvNeXtBlock",), attends=True),
    Row("timm:inception_next_tiny", (3, 3, 9, 3), ("MetaNeXtBlock",), lacks=lacks("conv3x3")),
    Row("timm:mambaout_femto", conv=2 + 3 + 18, lacks=PLAIN),  # its units sum (B, H, W, C), which no block weighs
    Row("timm:starnet_s1", (2, 2, 8, 3), ("Block",)),
    Row("timm:convmixer_768_32", (32,), ("Residual",), size=32, small=16),
    # light networks
    Row("timm:mobilenetv1_100", separable=13, lacks=PLAIN),
    inverted("torchvision:mobilenet_v2", 10, 7, "InvertedResidual", "use_res_connect"),
    inverted("timm:mobilenetv2_035", 10, 7, "InvertedResidual"),
    inverted("torchvision:mobilenet_v3_small", 6, 5, "InvertedResidual", "use_res_connect", attends=True),
    inverted("torchvision:mobilenet_v3_large", 10, 5, "InvertedResidual", "use_res_connect", attends=True),
    inverted("timm:mobilenetv4_conv_small", 10, 4, "UniversalInvertedResidual"),
    inverted("torchvision:mnasnet0_5", 10, 7, "_InvertedResidual", "apply_residual"),
    inverted("timm:mnasnet_small", 10, 5, "InvertedResidual DepthwiseSeparableConv", attends=True),
    inverted("torchvision:efficientnet_b0", 9, 7, "MBConv", "use_res_connect", attends=True),
    inverted("timm:efficientnet_lite0", 9, 7, "InvertedResidual DepthwiseSeparableConv"),
    inverted("torchvision:efficientnet_v2_s", 35, 3, "MBConv FusedMBConv", "use_res_connect", attends=True),
    inverted("timm:tf_efficientnetv2_b0", 15, 3, "InvertedResidual EdgeResidual", attends=True),
    inverted("timm:tinynet_e", 3, 7, "InvertedResidual DepthwiseSeparableConv", attends=True),
    inverted("timm:fbnetc_100", 15, 6, "InvertedResidual"),
    inverted("timm:hardcorenas_a", 5, 6, "InvertedResidual DepthwiseSeparableConv", attends=True),
    inverted("timm:mixnet_s", 11, 0, "InvertedResidual DepthwiseSeparableConv", attends=True, lacks=MIXED),
    inverted("timm:rexnet_100", 11, 5, "LinearBottleneck", "use_shortcut", attends=True, lacks=PARTIAL),
    Row("timm:lcnet_050", separable=13, lacks=PLAIN, attends=True),
    Row("timm:ghostnet_050", (1, 2, 2, 6, 5), ("GhostBottleneck",), lacks=lacks("conv3x3"), attends=True),
    Row("timm:ghostnetv2_100", (1, 2, 2, 6, 5), ("GhostBottleneck",), lacks=lacks("conv3x3"), attends=True, small=48),
    Row("torchvision:shufflenet_v2_x0_5", concat=4 + 8 + 4, blocks=("InvertedResidual",), lacks=UNITS_ONLY),
    Row("torchvision:squeezenet1_0", concat=8, blocks=("Fire",), lacks=UNITS_ONLY),
    # concatenations
    Row("torchvision:googlenet", concat=9, blocks=("Inception",), lacks=UNITS_ONLY),
    Row(
        "torchvision:inception_v3",
        concat=3 + 1 + 4 + 1 + 2,
        blocks=("InceptionA", "InceptionB", "InceptionC", "InceptionD", "InceptionE"),
        lacks=UNITS_ONLY,
        size=299,
        small=75,
    ),
    Row(
        "timm:inception_v4",
        concat=3 + 4 + 1 + 7 + 1 + 3,
        blocks=("Mixed3a", "Mixed4a", "Mixed5a", "InceptionA", "ReductionA", "InceptionB", "ReductionB", "InceptionC"),
        lacks=UNITS_ONLY,
        size=128,
        small=75,
    ),
    Row(
        "timm:inception_resnet_v2",
        (10, 20, 10),
        ("Block35", "Block17", "Block8"),
        concat=3,
        lacks=lacks("pre", "conv3x3"),
        size=128,
        small=75,
    ),
    Row("torchvision:densenet121", dense=6 + 12 + 24 + 16, blocks=("_DenseLayer",), lacks=UNITS_ONLY),
    Row("timm:densenet121", dense=6 + 12 + 24 + 16, blocks=("DenseLayer",), lacks=UNITS_ONLY),
    Row("timm:dpn48b", concat=3 + 4 + 6 + 3, blocks=("DualPathBlock",), lacks=UNITS_ONLY),
    Row("timm:vovnet39a", concat=1 + 1 + 2 + 2, blocks=("OsaBlock",), lacks=UNITS_ONLY),
    Row("timm:ese_vovnet19b_dw", separable=2, concat=4, blocks=("OsaBlock",), lacks=PLAIN, attends=True),
    Row("timm:selecsls42b", concat=2 + 2 + 2, blocks=("SelecSlsBlock",), lacks=UNITS_ONLY),
    # convolutions alone
    Row("torchvision:alexnet", conv=5, lacks=PLAIN, small=63),
    Row("torchvision:vgg11", conv=8, lacks=PLAIN, sk=True),
    Row("torchvision:vgg16_bn", conv=13, lacks=PLAIN, sk=True),
    # parts of detectors and segmenters
    resnet("torchvision:fasterrcnn_resnet50_fpn/backbone", 3, 4, 6, 3),
    resnet("torchvision:deeplabv3_resnet50/backbone", 3, 4, 6, 3),
    # a user's own classes
    Row("own:preactivation", (2, 2), ("PreActivation",), sk=True),
    Row("own:option_a", (2, 2, 2), ("OptionA",), sk=True, lacks=lacks("identity")),
    Row("own:pyramid", (6,), ("PyramidUnit",), sk=True, lacks=lacks("identity")),
    Row("own:flow", (3,), ("FlowUnit",), sk=True),
    Row("own:hardnet", lacks=frozenset(STRATEGIES)),  # each of its units ends in a function
)
FAST = frozenset(
    {
        "torchvision:resnet18",
        "timm:resnetv2_18",
        "torchvision:regnet_x_400mf",
        "timm:convnext_atto",
        "timm:mobilenetv2_035",
        "torchvision:densenet121",
        "torchvision:shufflenet_v2_x0_5",
        "torchvision:squeezenet1_0",
        "timm:seresnet18",
        "own:preactivation",
    }
)
