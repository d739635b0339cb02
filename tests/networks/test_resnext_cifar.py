# ResNeXt-29 against torchvision's bottlenecks on a CIFAR stem, closed forms and prints of the counts.

import pytest
import torch
from test_parity import difference, load, randomise
from torch import nn
from torchvision.models.resnet import Bottleneck

from senet.attention import SE
from senet.networks.published.figures import CIFAR_FIGURES
from senet.networks.published.resnext_cifar import ROWS

CARDINALITY = {"16x32d": (16, 32), "8x64d": (8, 64), "16x64d": (16, 64)}


def on_meta(name, num_classes=10):
    with torch.device("meta"):
        return ROWS[name].build(num_classes, 3)


def parameters(name, num_classes=10):
    return sum(p.numel() for p in on_meta(name, num_classes).parameters())


def parts(cardinality, base):
    """Weights of convolutions and classifier, and of the norms."""
    convolutions, norms, before = 27 * 64, 2 * 64, 64
    for i in range(3):
        width, after = cardinality * base * 2**i, 256 * 2**i
        for unit in range(3):
            convolutions += before * width + 9 * width**2 // cardinality + width * after
            norms += 2 * (2 * width + after)
            if unit == 0:
                convolutions, norms = convolutions + before * after, norms + 2 * after
            before = after
    return convolutions + 1024 * 10 + 10, norms


def printed(name):
    (figure,) = CIFAR_FIGURES[name]
    return figure.parameters


@pytest.mark.parametrize("name", CARDINALITY)
def test_counts_are_the_closed_form(name):
    assert parameters(f"resnext29_{name}") == sum(parts(*CARDINALITY[name]))


# With the norms, 16x64d is 68.16 M.
@pytest.mark.parametrize("name", ["8x64d", "16x64d"])
def test_prints_of_resnext_leave_out_the_norms(name):
    convolutions, norms = parts(*CARDINALITY[name])
    assert sum(t.numel() for k, t in on_meta(f"resnext29_{name}").named_parameters() if ".bn." in k) == norms
    assert printed(f"resnext29_{name}") == f"{convolutions / 1e6:.1f} M"


def test_prints_of_senet29_and_sknet29_in_our_reading():
    assert printed("senet29") == f"{parameters('senet29', num_classes=100) / 1e6:.1f} M"
    assert printed("sknet29") == f"{parameters('sknet29') / 1e6:.1f} M"


@pytest.mark.parametrize("name", CARDINALITY)
def test_se_form_adds_the_closed_form(name):
    assert ROWS[f"se_resnext29_{name}"].attention == SE()
    added = sum(3 * (2 * c * c // 16 + c + c // 16) for c in (256, 512, 1024))
    assert parameters(f"se_resnext29_{name}") - parameters(f"resnext29_{name}") == added


def test_sknet29_is_16x32d_with_a_1x1_beside_each_3x3():
    def added(width):
        return width**2 // 16 + 2 * width + 3 * width * (width // 32) + 2 * (width // 32)

    plain = parameters("resnext29_16x32d")
    assert parameters("sknet29") == plain + sum(3 * added(width) for width in (512, 1024, 2048))


class Reference(nn.Module):
    def __init__(self, cardinality, base):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        self.layer1 = self.layer(64, 64, 1, cardinality, base)
        self.layer2 = self.layer(256, 128, 2, cardinality, base)
        self.layer3 = self.layer(512, 256, 2, cardinality, base)
        self.fc = nn.Linear(1024, 10)

    def layer(self, before, planes, stride, groups, base_width):
        projection = nn.Sequential(nn.Conv2d(before, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes))
        first = Bottleneck(before, planes, stride, projection, groups, base_width)
        others = [Bottleneck(4 * planes, planes, groups=groups, base_width=base_width) for _ in range(2)]
        return nn.Sequential(first, *others)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)).relu())))
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("8x64d", 9),
        *(pytest.param(name, size, marks=pytest.mark.slow) for name in CARDINALITY for size in (32, 33)),
    ],
)
def test_logits_equal_torchvisions_bottlenecks(name, size):
    with torch.device("meta"):
        theirs = Reference(*CARDINALITY[name])
    ours = load(on_meta(f"resnext29_{name}"), randomise(theirs).state_dict())
    assert difference(ours, theirs, size) < 1e-12


@pytest.mark.parametrize("name", ROWS)
def test_features_are_as_the_stages_say(name):
    model = on_meta(name).eval()
    maps = model.features(torch.empty(1, 3, 33, 33, device="meta"))
    assert [tuple(map.shape[1:]) for map in maps.values()] == [(256, 33, 33), (512, 17, 17), (1024, 9, 9)]
    assert [(stage.channels, stage.stride) for stage in model.stages] == [(256, 1), (512, 2), (1024, 4)]
