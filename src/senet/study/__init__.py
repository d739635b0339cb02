"""Studies: variants x paired seeds, honest statistics, a table and a report."""

NETWORK, SEEDS = "resnet8", 8
VARIANTS = ("none", "SE(reduction=4)", "CBAM(reduction=4)", "SK(groups=1)")
