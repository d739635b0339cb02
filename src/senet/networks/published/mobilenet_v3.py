"""The published rows of :mod:`senet.networks.mobilenet_v3`: tables 1 and 2 of Howard et al., arXiv 1905.02244v5.

Columns of a row: kernel size, expanded channels, output channels, SE, nonlinearity, stride.
"""

from senet.attention import SE
from senet.networks.mobilenet_v3 import BneckRow, MobileNetV3Spec, hard_swish, relu

_LARGE = (
    BneckRow(3, 16, 16, False, relu, 1),
    BneckRow(3, 64, 24, False, relu, 2),
    BneckRow(3, 72, 24, False, relu, 1),
    BneckRow(5, 72, 40, True, relu, 2),
    BneckRow(5, 120, 40, True, relu, 1),
    BneckRow(5, 120, 40, True, relu, 1),
    BneckRow(3, 240, 80, False, hard_swish, 2),
    BneckRow(3, 200, 80, False, hard_swish, 1),
    BneckRow(3, 184, 80, False, hard_swish, 1),
    BneckRow(3, 184, 80, False, hard_swish, 1),
    BneckRow(3, 480, 112, True, hard_swish, 1),
    BneckRow(3, 672, 112, True, hard_swish, 1),
    BneckRow(5, 672, 160, True, hard_swish, 2),
    BneckRow(5, 960, 160, True, hard_swish, 1),
    BneckRow(5, 960, 160, True, hard_swish, 1),
)
_SMALL = (
    BneckRow(3, 16, 16, True, relu, 2),
    BneckRow(3, 72, 24, False, relu, 2),
    BneckRow(3, 88, 24, False, relu, 1),
    BneckRow(5, 96, 40, True, hard_swish, 2),
    BneckRow(5, 240, 40, True, hard_swish, 1),
    BneckRow(5, 240, 40, True, hard_swish, 1),
    BneckRow(5, 120, 48, True, hard_swish, 1),
    BneckRow(5, 144, 48, True, hard_swish, 1),
    BneckRow(5, 288, 96, True, hard_swish, 2),
    BneckRow(5, 576, 96, True, hard_swish, 1),
    BneckRow(5, 576, 96, True, hard_swish, 1),
)

_SE = SE.mobilenet_v3()

ROWS: dict[str, MobileNetV3Spec] = {
    "mobilenet_v3_large": MobileNetV3Spec(_LARGE, stem=16, last=960, hidden=1280, attention=_SE),
    # Table 2 ticks SE at the last convolution too; the authors' code has none there. The first arXiv version has
    # 1,280 hidden units, v5 and the code 1,024.
    "mobilenet_v3_small": MobileNetV3Spec(_SMALL, stem=16, last=576, hidden=1024, attention=_SE),
}
