"""What papers and authors print for the networks that we build, as printed, each with its source.

Figures differ from our count for known reasons. SENet's multiply-adds include about one operation per element
for pooling and scale; its parameters are without biases in the gates, which the released files have. CBAM's
paper has the stride in the first 1x1 of a bottleneck, its code in the 3x3.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFigure:
    """One source's numbers for one network, at 224x224 and 1,000 classes; read them with :func:`number`.

    Args:
        source: Paper and table, or the files that were counted.
        parameters: As printed; empty where the source prints none.
        multiply_adds: As printed, called FLOPs there; empty where the source prints none.
        note: Why the figure is not for quite the network that we build.
    """

    source: str
    parameters: str = ""
    multiply_adds: str = ""
    note: str = ""


def parse_figure(printed: str) -> int:
    """Read ``28,088,024``, ``28.1 M`` or ``3.87 G``."""
    digits, _, unit = printed.replace(",", "").partition(" ")
    return round(float(digits) * {"": 1, "M": 10**6, "G": 10**9}[unit])


_SENET = "Hu et al., arXiv 1709.01507v4, table 2"
_SENET_10 = "Hu et al., arXiv 1709.01507v4, tables 2 and 10"
_SENET_FILES = "counted from the authors' Caffe files, github.com/hujie-frank/SENet"
_SENET_BASE = "counted from the authors' Caffe files without their SE blocks, github.com/hujie-frank/SENet"
_SKNET = "Li et al., arXiv 1903.06586, table 2, as in github.com/implus/SKNet"
_SKNET_FILES = "counted from the authors' Caffe files, github.com/implus/SKNet"
_CBAM = "Woo et al., arXiv 1807.06521, table 4"
_OSMR = "github.com/osmr/imgclsmob"
_SENET_MOBILE = "Hu et al., arXiv 1709.01507v4, table 3"
_CBAM_MOBILE = "Woo et al., arXiv 1807.06521, table 5"
_MOBILENET_V3 = "Howard et al., arXiv 1905.02244, table 3"
_TF_MOBILENET = "github.com/tensorflow/models, research/slim/nets/mobilenet"
_MMPRE = "github.com/open-mmlab/mmpretrain"

_NO_BIAS = "parameters without the gates' biases"
_STATISTICS = "parameters with the running statistics of the norms"
_NOT_SAID = "parameters not reproduced: what is counted is not said"
_VARIANT = "not reproduced: the variant is not stated"
_EARLY = "multiply-adds with the stride in the first 1x1"
_CUT = "parameters cut off after the first decimal, not rounded"
_SHUFFLE = "multiply-adds by a rule that is not printed, parameters cut off after the first decimal"

FIGURES: dict[str, tuple[PublishedFigure, ...]] = {
    "resnet50": (
        PublishedFigure(_SENET_10, "25.6 M", "3.86 G"),
        PublishedFigure(_SENET_BASE, "25,557,032", "3,857,973,248"),
        PublishedFigure(_CBAM, "25.56 M", "3.858 G"),
    ),
    "resnet101": (
        PublishedFigure(_SENET, multiply_adds="7.58 G"),
        PublishedFigure(_SENET_BASE, "44,549,160", "7,570,194,432"),
        PublishedFigure(_CBAM, "44.55 M", "7.570 G"),
    ),
    "resnet152": (
        PublishedFigure(_SENET, multiply_adds="11.30 G"),
        PublishedFigure(_SENET_BASE, "60,192,808", "11,282,415,616"),
    ),
    "resnext50_32x4d": (
        PublishedFigure(_SENET, multiply_adds="4.24 G"),
        PublishedFigure(_SENET_BASE, "25,028,904", "4,230,479,872"),
        PublishedFigure(_SKNET, "25.0 M", "4.24 G"),
        PublishedFigure(_CBAM, "25.03 M", "3.768 G", _EARLY),
    ),
    "resnext101_32x4d": (
        PublishedFigure(_SENET, multiply_adds="7.99 G"),
        PublishedFigure(_SENET_BASE, "44,177,704", "7,969,996,800"),
        PublishedFigure(_SKNET, "44.3 M", "7.99 G", _STATISTICS),
    ),
    "se_resnet50": (
        PublishedFigure(_SENET_10, "28.1 M", "3.87 G", _NO_BIAS),
        PublishedFigure(_SENET_FILES, "28,088,024", "3,860,488,192"),
        PublishedFigure(_CBAM, "28.09 M", "3.860 G"),
    ),
    "se_resnet101": (
        PublishedFigure(_SENET, multiply_adds="7.60 G"),
        PublishedFigure(_SENET_FILES, "49,326,872", "7,574,937,600"),
        PublishedFigure(_CBAM, "49.33 M", "7.575 G"),
    ),
    "se_resnet152": (
        PublishedFigure(_SENET, multiply_adds="11.32 G"),
        PublishedFigure(_SENET_FILES, "66,821,848", "11,288,993,792"),
    ),
    "se_resnext50_32x4d": (
        PublishedFigure(_SENET, multiply_adds="4.25 G"),
        PublishedFigure(_SENET_FILES, "27,559,896", "4,232,994,816"),
        PublishedFigure(_SKNET, "27.7 M", "4.25 G", _NOT_SAID),
        PublishedFigure(_CBAM, "27.56 M", "3.771 G", _EARLY),
    ),
    "se_resnext101_32x4d": (
        PublishedFigure(_SENET, multiply_adds="8.00 G"),
        PublishedFigure(_SENET_FILES, "48,955,416", "7,974,739,968"),
        PublishedFigure(_SKNET, "49.2 M", "8.00 G", _NOT_SAID),
    ),
    "senet154": (
        PublishedFigure(_SENET_FILES, "115,088,984", "20,688,363,520"),
        PublishedFigure(_OSMR, "115,088,984", "20.7424 G"),
    ),
    "sknet50": (
        PublishedFigure(_SKNET, "27.5 M", "4.47 G"),
        PublishedFigure(_SKNET_FILES, "27,479,784", "4,462,710,784"),
    ),
    "sknet101": (
        PublishedFigure(_SKNET, "48.9 M", "8.46 G", _STATISTICS),
        PublishedFigure(_SKNET_FILES, "48,686,760", "8,448,675,840", "the third stage of the file has d = 16, not 32"),
    ),
    "sknet101_caffe": (PublishedFigure(_SKNET_FILES, "48,686,760", "8,448,675,840"),),
    "bn_inception": (
        PublishedFigure(_SENET, multiply_adds="2.03 G"),
        PublishedFigure(_SENET_BASE, "11,285,224", "2,032,600,064"),
    ),
    "se_bn_inception": (
        PublishedFigure(_SENET, multiply_adds="2.04 G"),
        PublishedFigure(_SENET_FILES, "11,931,622", "2,033,239,424"),
    ),
    "vgg16_bn": (
        PublishedFigure(_SENET, multiply_adds="15.47 G"),
        PublishedFigure(_MMPRE, "138.37 M", "15.53 G", "multiply-adds with biases, norms, ReLUs and pools"),
    ),
    "se_vgg16_bn": (PublishedFigure(_SENET, multiply_adds="15.48 G"),),
    "mobilenet_v1": (
        PublishedFigure(_SENET_MOBILE, "4.2 M", "569 M"),
        PublishedFigure(_CBAM_MOBILE, "4.23 M", "0.569 G"),
    ),
    "se_mobilenet_v1": (
        PublishedFigure(
            _SENET_MOBILE, "4.7 M", "572 M", "multiply-adds with one operation per element of the weighed maps"
        ),
    ),
    "cbam_mobilenet_v1": (PublishedFigure(_CBAM_MOBILE, "5.07 M", "0.576 G"),),
    "mobilenet_v3_large": (
        PublishedFigure(_MOBILENET_V3, "5.4 M", "219 M", _CUT),
        PublishedFigure(_TF_MOBILENET, "5.4 M", "217 M", _CUT),
        PublishedFigure(_MMPRE, "5.48 M", "0.23 G", "multiply-adds of more than convolutions and linear layers"),
    ),
    "mobilenet_v3_small": (
        PublishedFigure(_MOBILENET_V3 + " of v5", "2.5 M", "56 M", "multiply-adds cut off, not rounded"),
        PublishedFigure(_MMPRE, "2.54 M", "0.06 G"),
    ),
    "shufflenet_v1_g3": (PublishedFigure(_SENET_MOBILE, "1.8 M", "140 M", _SHUFFLE),),
    "se_shufflenet_v1_g3": (PublishedFigure(_SENET_MOBILE, "2.4 M", "142 M", _SHUFFLE),),
    "cbam_resnet50": (PublishedFigure(_CBAM, "28.09 M", "3.864 G", _EARLY),),
    "cbam_resnet101": (PublishedFigure(_CBAM, "49.33 M", "7.581 G", _EARLY),),
    "cbam_resnext50_32x4d": (PublishedFigure(_CBAM, "27.56 M", "3.774 G", _EARLY),),
}

_RESNEXT = "Xie et al., arXiv 1611.05431, table 7"
_SKNET_CIFAR = "Li et al., arXiv 1903.06586, table 5, as quoted by later papers"

# Of the networks for 32x32 images, at ten classes.
CIFAR_FIGURES: dict[str, tuple[PublishedFigure, ...]] = {
    "resnext29_8x64d": (PublishedFigure(_RESNEXT, "34.4 M", note="parameters without the norms"),),
    "resnext29_16x64d": (PublishedFigure(_RESNEXT, "68.1 M", note="parameters without the norms"),),
    "senet29": (PublishedFigure(_SKNET_CIFAR, "35.0 M", note="settings not stated: our reading, at 100 classes"),),
    "sknet29": (PublishedFigure(_SKNET_CIFAR, "27.7 M", note="settings not stated: our reading"),),
}

# At 299x299. SENet's text does not say which of the published variants its 11.75 G are of.
LARGE_FIGURES: dict[str, tuple[PublishedFigure, ...]] = {
    "inception_resnet_v2": (
        PublishedFigure(_SENET, multiply_adds="11.75 G", note=_VARIANT),
        PublishedFigure(_SKNET, "55.0 M", "13.22 G", _VARIANT),
    ),
    "se_inception_resnet_v2": (PublishedFigure(_SENET, multiply_adds="11.76 G", note=_VARIANT),),
}

ALL_FIGURES = {**FIGURES, **CIFAR_FIGURES, **LARGE_FIGURES}
