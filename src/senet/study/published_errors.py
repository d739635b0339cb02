"""What the papers print for the rows of their ablations: ImageNet validation error, single crop, in percent."""

from collections.abc import Mapping

from senet.study.summary import PublishedRow

SENET = "Hu et al., arXiv 1709.01507v4"
SKNET = "Li et al., arXiv 1903.06586"
CBAM = "Woo et al., arXiv 1807.06521"
RESNET = "ResNet-50 on ImageNet"


def published_error_rates(
    source: str, top1: Mapping[str, float], top5: Mapping[str, float] | None = None, network: str = RESNET
) -> tuple[PublishedRow, ...]:
    """Return a table's rows, by the study's name of the variant."""
    figures = (("top-1 error, %", top1), ("top-5 error, %", top5 or {}))
    return tuple(
        PublishedRow(variant, network, figure, value, source)
        for figure, values in figures
        for variant, value in values.items()
    )


REDUCTION = published_error_rates(
    f"{SENET}, table 10",
    {"none": 23.30, "r=2": 22.29, "r=4": 22.25, "r=8": 22.26, "r=16": 22.28, "r=32": 22.72},
    {"none": 6.55, "r=2": 6.00, "r=4": 6.09, "r=8": 5.99, "r=16": 6.03, "r=32": 6.20},
)
SQUEEZE = published_error_rates(f"{SENET}, table 11", {"max": 22.57, "avg": 22.28}, {"max": 6.09, "avg": 6.03})
EXCITATION = published_error_rates(
    f"{SENET}, table 12",
    {"relu": 23.47, "tanh": 23.00, "sigmoid": 22.28},
    {"relu": 6.98, "tanh": 6.38, "sigmoid": 6.03},
)
STAGES = published_error_rates(
    f"{SENET}, table 13",
    {"none": 23.30, "stage 2": 23.03, "stage 3": 23.04, "stage 4": 22.68, "all": 22.28},
    {"none": 6.55, "stage 2": 6.48, "stage 3": 6.32, "stage 4": 6.22, "all": 6.03},
)
INTEGRATION = published_error_rates(
    f"{SENET}, table 14",
    {"standard": 22.28, "pre": 22.23, "post": 22.78, "identity": 22.20},
    {"standard": 6.03, "pre": 6.00, "post": 6.35, "identity": 6.15},
)
CONV3X3 = published_error_rates(
    f"{SENET}, table 15", {"SE": 22.28, "SE at the 3x3": 22.48}, {"SE": 6.03, "SE at the 3x3": 6.02}
)
NO_SQUEEZE = published_error_rates(
    f"{SENET}, table 16",
    {"none": 23.30, "NoSqueeze": 22.93, "SE": 22.28},
    {"none": 6.55, "NoSqueeze": 6.39, "SE": 6.03},
)
SK_BRANCHES = published_error_rates(
    f"{SKNET}, table 7",
    {
        "K3": 22.23,
        "K5": 25.14,
        "K7": 25.51,
        "K3+K5": 21.76,
        "SK(K3, K5)": 20.79,
        "K3+K7": 21.82,
        "SK(K3, K7)": 20.97,
        "K5+K7": 23.64,
        "SK(K5, K7)": 23.09,
        "K3+K5+K7": 21.47,
        "SK(K3, K5, K7)": 20.76,
    },
    network="SKNet-50 on ImageNet",
)
SK_DILATION = published_error_rates(
    f"{SKNET}, table 6",
    {"3x3, D=3": 20.97, "3x3, D=2": 20.79, "3x3, D=1": 20.91, "5x5": 20.80, "7x7": 21.18},
    network="SKNet-50 on ImageNet, groups of its 3x3 32, of its 5x5 64, of its 7x7 128",
)
CBAM_CHANNEL = published_error_rates(
    f"{CBAM}, table 1",
    {"none": 24.56, "avg": 23.14, "max": 23.20, "both": 22.80},
    {"none": 7.50, "avg": 6.70, "max": 6.83, "both": 6.52},
)
CBAM_SPATIAL = published_error_rates(
    f"{CBAM}, table 2",
    {"channel alone": 22.80, "conv, k=3": 22.96, "conv, k=7": 22.90, "pool, k=3": 22.68, "pool, k=7": 22.66},
    {"channel alone": 6.52, "conv, k=3": 6.64, "conv, k=7": 6.47, "pool, k=3": 6.41, "pool, k=7": 6.31},
)
CBAM_ORDER = published_error_rates(
    f"{CBAM}, table 3",
    {"channel only (SE)": 23.14, "channel, spatial": 22.66, "spatial, channel": 22.78, "parallel": 22.95},
    {"channel only (SE)": 6.70, "channel, spatial": 6.31, "spatial, channel": 6.42, "parallel": 6.59},
)
FAMILY = (
    *published_error_rates(f"{SENET}, table 2", {"none": 24.80, "SE": 23.29}, {"none": 7.48, "SE": 6.62}),
    *published_error_rates(f"{CBAM}, table 4", {"none": 24.56, "SE": 23.14, "CBAM": 22.66}),
    *published_error_rates(
        f"{SKNET}, table 2", {"none": 22.23, "SK": 20.79}, network="ResNeXt-50 and SKNet-50 on ImageNet"
    ),
)
