"""What benchmarks/overhead.py compares: cases, which have their own noise, and in each who is timed against whom."""

from dataclasses import dataclass
from functools import partial

from torch import nn

import overhead_peers as peers
from overhead_measure import Measure, by_bytes, by_time
from overhead_sides import Make, Shape, compiled, inference, training
from senet import CBAM, SE, SK, create


@dataclass(frozen=True)
class Comparison:
    """One ratio: a side over a base.

    Args:
        what: Is priced.
        library: Whose networks both sides are; of the rows that compare libraries, ours.
        side: Builds the network above the line.
        base: Builds that below it.
        goal: Greatest ratio that is good enough, or None.
    """

    what: str
    library: str
    side: Make
    base: Make
    goal: float | None = None


@dataclass(frozen=True)
class Case:
    """Comparisons on one machine's noise, with a network against itself as the first.

    Args:
        title: For the page.
        measure: Compares.
        comparisons: In the order of the page.
        minutes: About, with 30 pairs on two cores.
        unit: Of what is measured.
    """

    title: str
    measure: Measure
    comparisons: tuple[Comparison, ...]
    minutes: float
    unit: str = "ms"


SAME = "the same network against itself"
LARGE: tuple[Shape, Shape] = (8, 3, 224, 224), (1, 3, 224, 224)
TRAINED: Shape = (8, 3, 160, 160)

se50: Make = partial(create, "se_resnet50")
plain50: Make = partial(create, "resnet50")
se20: Make = partial(create, "se_resnet20")
plain20: Make = partial(create, "resnet20")
mobile: Make = partial(create, "mobilenet_v3_large")
mobile_plain: Make = partial(create, "mobilenet_v3_large", attention=None)
timm_se50, timm_plain50 = peers.timm("seresnet50"), peers.timm("resnet50")
cv_plain50 = peers.pytorchcv_resnet("resnet50")


def same(base: Make) -> Comparison:
    return Comparison(SAME, "senet", base, base)


def se(goal: float) -> tuple[Comparison, ...]:
    """SE in ResNet-50, everybody's."""
    return (
        Comparison("SE", "senet", se50, plain50, goal),
        Comparison("SE", "timm", timm_se50, timm_plain50),
        Comparison("SE", "pytorchcv", peers.pytorchcv_resnet("seresnet50"), cv_plain50),
    )


def cbam(goal: float | None = None) -> tuple[Comparison, ...]:
    """CBAM in ResNet-50, everybody's; ours has its published geometry, torch's, and so has its base."""
    base = partial(create, "cbam_resnet50", attention=None)
    return (
        Comparison("CBAM", "senet", partial(create, "cbam_resnet50"), base, goal),
        Comparison("CBAM", "timm", peers.timm_cbam, timm_plain50),
        Comparison("CBAM", "pytorchcv", peers.pytorchcv_resnet("cbam_resnet50"), cv_plain50),
    )


def against_timm(goal: float = 0.97) -> Comparison:
    return Comparison("SE-ResNet-50 over timm's", "senet", se50, timm_se50, goal)


def plain_against_timm() -> tuple[Comparison, ...]:
    equal = partial(create, "resnet50", geometry="torch")
    return (
        Comparison("plain ResNet-50 over timm's, same geometry", "senet", equal, timm_plain50, 1.00),
        Comparison("plain ResNet-50 over timm's, fewer multiply-adds", "senet", plain50, timm_plain50, 0.96),
    )


def mobilenet(goal: float) -> tuple[Comparison, ...]:
    """SE in MobileNetV3-Large, everybody's."""
    return (
        same(mobile_plain),
        Comparison("SE", "senet", mobile, mobile_plain, goal),
        Comparison("SE", "torchvision", peers.torchvision_mobilenet, peers.torchvision_mobilenet_plain),
        Comparison("SE", "timm", peers.timm("mobilenetv3_large_100"), peers.timm_mobilenet_plain),
        Comparison("SE", "pytorchcv", peers.pytorchcv("mobilenetv3_large_w1"), peers.pytorchcv_mobilenet_plain),
    )


def small(attention: SE | CBAM | SK | None) -> Make:
    """ResNet-8 for grey images."""

    def make() -> nn.Module:
        return create("resnet8", attention=attention, in_channels=1)

    return make


SMALL_SE, SMALL_CBAM, SMALL_SK = SE(reduction=4), CBAM(reduction=4), SK(groups=1)
SMALL = (
    same(small(None)),
    Comparison(str(SMALL_SE), "senet", small(SMALL_SE), small(None), 1.20),
    Comparison(str(SMALL_CBAM), "senet", small(SMALL_CBAM), small(None), 1.5),
    Comparison(f"{SMALL_SK}, two branches for one", "senet", small(SMALL_SK), small(None), 1.5),
)
CIFAR = (
    same(plain20),
    Comparison("SE", "senet", se20, plain20, 1.04),
    Comparison("SE", "pytorchcv", peers.pytorchcv("seresnet20_cifar10"), peers.pytorchcv("resnet20_cifar10")),
    Comparison("CBAM", "senet", partial(create, "resnet20", attention=CBAM(reduction=8)), plain20, 1.15),
)
summed50: Make = partial(create, "sknet50", attention=SK(selection="none"))
SELECTED = (
    same(summed50),
    Comparison("SK over its branches summed", "senet", partial(create, "sknet50"), summed50, 1.05),
)

EVALUATED = (same(plain50), *se(1.03), *cbam(1.10), against_timm(), *plain_against_timm())
ALONE = (same(plain50), *se(1.03), *cbam(1.10), against_timm())
COMPILED = same(plain50), *se(1.03)
HELD = (*se(1.02), *cbam())
STEPS = same(plain50), *se(1.03), against_timm()

CASES = {
    "eager-8": Case("ResNet-50 at 224, inference, batch 8", by_time(inference(LARGE[0])), EVALUATED, 10),
    "eager-1": Case("ResNet-50 at 224, inference, batch 1", by_time(inference(LARGE[1])), ALONE, 2),
    "compiled-8": Case("ResNet-50 at 224, torch.compile, batch 8", by_time(compiled(LARGE[0]), 1), COMPILED, 8),
    "compiled-1": Case("ResNet-50 at 224, torch.compile, batch 1", by_time(compiled(LARGE[1]), 1), COMPILED, 5),
    "training": Case("ResNet-50 at 160, training step, batch 8", by_time(training(TRAINED, 1000)), STEPS, 9),
    "memory": Case("ResNet-50 at 160, kept in training, batch 8", by_bytes(TRAINED), HELD, 0.5, "MB"),
    "mobilenet-8": Case("MobileNetV3-Large, inference, batch 8", by_time(inference(LARGE[0])), mobilenet(1.03), 2),
    "mobilenet-1": Case("MobileNetV3-Large, inference, batch 1", by_time(inference(LARGE[1])), mobilenet(1.05), 1),
    "resnet8": Case("ResNet-8, inference, one 8 x 8 image", by_time(inference((1, 1, 8, 8))), SMALL, 1),
    "resnet20": Case("ResNet-20 at 32, training step, batch 128", by_time(training((128, 3, 32, 32), 10)), CIFAR, 3),
    "sknet50": Case("SKNet-50 at 224, inference, batch 8", by_time(inference(LARGE[0])), SELECTED, 3),
}
