"""The published rows of :mod:`senet.networks.inception_resnet`."""

from dataclasses import replace

from torch import nn

from senet.attention import SE
from senet.networks.inception_resnet import Branch, Conv, InceptionResNetSpec, Pool, Resolution


def _halving_pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2)


def _mean_pool() -> nn.Module:
    # TensorFlow's mean leaves the padding out, unlike Caffe's in BN-Inception.
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def _halving(channels: int) -> Conv:
    return Conv(channels, (3, 3), stride=2, padded=False)


_POOLED: Branch = ("pool", (Pool(_halving_pool),))

_STAGE3 = Resolution(
    name="mixed_5b",
    first=(
        ("conv1x1", (Conv(96),)),
        ("conv5x5", (Conv(48), Conv(64, (5, 5)))),
        ("double3x3", (Conv(64), Conv(96, (3, 3)), Conv(96, (3, 3)))),
        ("pool", (Pool(_mean_pool), Conv(64))),
    ),
    block="block35",
    branches=(
        ("conv1x1", (Conv(32),)),
        ("conv3x3", (Conv(32), Conv(32, (3, 3)))),
        ("double3x3", (Conv(32), Conv(48, (3, 3)), Conv(64, (3, 3)))),
    ),
    depth=10,
    scale=0.17,
)
_STAGE4 = Resolution(
    name="mixed_6a",
    first=(
        ("conv3x3", (_halving(384),)),
        ("double3x3", (Conv(256), Conv(256, (3, 3)), _halving(384))),
        _POOLED,
    ),
    block="block17",
    branches=(
        ("conv1x1", (Conv(192),)),
        ("conv7x7", (Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1)))),
    ),
    depth=20,
    scale=0.1,
)
_STAGE5 = Resolution(
    name="mixed_7a",
    first=(
        ("wide3x3", (Conv(256), _halving(384))),
        ("conv3x3", (Conv(256), _halving(288))),
        ("double3x3", (Conv(256), Conv(288, (3, 3)), _halving(320))),
        _POOLED,
    ),
    block="block8",
    branches=(
        ("conv1x1", (Conv(192),)),
        ("conv3x3", (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1)))),
    ),
    depth=9,
    scale=0.2,
)

_INCEPTION_RESNET_V2 = InceptionResNetSpec(
    stem=(_halving(32), Conv(32, (3, 3), padded=False), Conv(64, (3, 3)), Pool(_halving_pool)),
    second=(Conv(80), Conv(192, (3, 3), padded=False)),
    pool=Pool(_halving_pool),
    stages=(_STAGE3, _STAGE4, _STAGE5),
    last=Conv(1536),
)

ROWS: dict[str, InceptionResNetSpec] = {
    "inception_resnet_v2": _INCEPTION_RESNET_V2,
    "se_inception_resnet_v2": replace(_INCEPTION_RESNET_V2, attention=SE()),
}
