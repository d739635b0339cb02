"""The published rows of :mod:`senet.networks.inception`."""

from dataclasses import replace

from senet.attention import SE
from senet.networks.inception import InceptionModule, InceptionSpec, ReductionModule, max_pool, mean_pool

# One row per module, as in the released SE-BN-Inception.prototxt.
_BN_INCEPTION = InceptionSpec(
    stem=(64, 64, 192),
    stages=(
        (
            InceptionModule("inception_3a", 64, (64, 64), (64, 96), mean_pool, 32),
            InceptionModule("inception_3b", 64, (64, 96), (64, 96), mean_pool, 64),
        ),
        (
            ReductionModule("inception_3c", (128, 160), (64, 96)),
            InceptionModule("inception_4a", 224, (64, 96), (96, 128), mean_pool, 128),
            InceptionModule("inception_4b", 192, (96, 128), (96, 128), mean_pool, 128),
            InceptionModule("inception_4c", 160, (128, 160), (128, 160), mean_pool, 128),
            InceptionModule("inception_4d", 96, (128, 192), (160, 192), mean_pool, 128),
        ),
        (
            ReductionModule("inception_4e", (128, 192), (192, 256)),
            InceptionModule("inception_5a", 352, (192, 320), (160, 224), mean_pool, 128),
            InceptionModule("inception_5b", 352, (192, 320), (192, 224), max_pool, 128),
        ),
    ),
)

ROWS: dict[str, InceptionSpec] = {
    "bn_inception": _BN_INCEPTION,
    "se_bn_inception": replace(_BN_INCEPTION, attention=SE()),
}
