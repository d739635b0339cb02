"""The published rows of :mod:`senet.networks.inception_resnet`."""

from dataclasses import replace

from torch import nn

from senet.attention import SE
from senet.networks.inception_resnet import Branch, BranchConv, BranchPool, InceptionResNetSpec, InceptionResNetStage


def _halving_pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2)


def _mean_pool() -> nn.Module:
    # TensorFlow's mean leaves the padding out, unlike Caffe's in BN-Inception.
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def _halving(channels: int) -> BranchConv:
    return BranchConv(channels, (3, 3), stride=2, padded=False)


_POOLED: Branch = ("pool", (BranchPool(_halving_pool),))

_STAGE3 = InceptionResNetStage(
    name="mixed_5b",
    first=(
        ("conv1x1", (BranchConv(96),)),
        ("conv5x5", (BranchConv(48), BranchConv(64, (5, 5)))),
        ("double3x3", (BranchConv(64), BranchConv(96, (3, 3)), BranchConv(96, (3, 3)))),
        ("pool", (BranchPool(_mean_pool), BranchConv(64))),
    ),
    block="block35",
    branches=(
        ("conv1x1", (BranchConv(32),)),
        ("conv3x3", (BranchConv(32), BranchConv(32, (3, 3)))),
        ("double3x3", (BranchConv(32), BranchConv(48, (3, 3)), BranchConv(64, (3, 3)))),
    ),
    depth=10,
    scale=0.17,
)
_STAGE4 = InceptionResNetStage(
    name="mixed_6a",
    first=(
        ("conv3x3", (_halving(384),)),
        ("double3x3", (BranchConv(256), BranchConv(256, (3, 3)), _halving(384))),
        _POOLED,
    ),
    block="block17",
    branches=(
        ("conv1x1", (BranchConv(192),)),
        ("conv7x7", (BranchConv(128), BranchConv(160, (1, 7)), BranchConv(192, (7, 1)))),
    ),
    depth=20,
    scale=0.1,
)
_STAGE5 = InceptionResNetStage(
    name="mixed_7a",
    first=(
        ("wide3x3", (BranchConv(256), _halving(384))),
        ("conv3x3", (BranchConv(256), _halving(288))),
        ("double3x3", (BranchConv(256), BranchConv(288, (3, 3)), _halving(320))),
        _POOLED,
    ),
    block="block8",
    branches=(
        ("conv1x1", (BranchConv(192),)),
        ("conv3x3", (BranchConv(192), BranchConv(224, (1, 3)), BranchConv(256, (3, 1)))),
    ),
    depth=9,
    scale=0.2,
)

_INCEPTION_RESNET_V2 = InceptionResNetSpec(
    stem=(_halving(32), BranchConv(32, (3, 3), padded=False), BranchConv(64, (3, 3)), BranchPool(_halving_pool)),
    second=(BranchConv(80), BranchConv(192, (3, 3), padded=False)),
    pool=BranchPool(_halving_pool),
    stages=(_STAGE3, _STAGE4, _STAGE5),
    last=BranchConv(1536),
)

ROWS: dict[str, InceptionResNetSpec] = {
    "inception_resnet_v2": _INCEPTION_RESNET_V2,
    "se_inception_resnet_v2": replace(_INCEPTION_RESNET_V2, attention=SE()),
}
