"""What ``senet compare`` compares where nothing is said; light, so that its help need not import torch."""

NETWORK, SEEDS = "resnet8", 8
VARIANTS = ("none", "SE(reduction=4)", "CBAM(reduction=4)", "SK(groups=1)")
