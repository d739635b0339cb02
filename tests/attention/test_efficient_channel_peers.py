# ECA against timm's module and the authors' own, and against the sizes of the authors' networks.

import math

import pytest
import torch
import torchvision
from timm.layers import EcaModule
from torch import nn

from senet.accounting import cost
from senet.attention import ECA
from senet.attention.efficient_channel import EfficientChannelAttention
from senet.insertion import insert
from senet.networks import create

CHANNELS = (1, 4, 64, 256, 2048)


class AuthorsLayer(nn.Module):
    """What github.com/BangguWu/ECANet's eca_module.py computes, with its names."""

    def __init__(self, k_size):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel_size=k_size, padding=(k_size - 1) // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        rows = self.avg_pool(x).squeeze(-1).transpose(-1, -2)
        return x * self.sigmoid(self.conv(rows).transpose(-1, -2).unsqueeze(-1)).expand_as(x)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("theirs", [lambda k: EcaModule(kernel_size=k), AuthorsLayer], ids=["timm", "authors"])
def test_equals_theirs_with_the_kernel_of_the_paper(shake, theirs, channels):
    spec, x = ECA(), torch.randn(2, channels, 4, 3, dtype=torch.float64)
    ours, theirs = spec(channels).double(), shake(theirs(spec.taps(channels)))
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


def test_timm_sizes_the_kernel_as_the_paper_from_eight_channels_on_and_never_below_three():
    for channels in range(1, 4097):
        (size,) = EcaModule(channels).conv.kernel_size
        assert size == max(ECA().taps(channels), 3), channels
    assert {ECA().taps(channels) for channels in range(1, 8)} == {1}


# The authors' rule gives these widths their kernels.
@pytest.mark.parametrize(
    ("first", "last", "k"), [(1, 7, 1), (8, 127, 3), (128, 2047, 5), (2048, 32767, 7)], ids=["1", "3", "5", "7"]
)
def test_kernel_sizes_by_width(first, last, k):
    some = range(first, last, max(last // 1000, 1))
    assert {ECA().taps(channels) for channels in (*some, last)} == {k}


def test_kernel_sizes_are_those_of_the_authors_line():
    """github.com/BangguWu/ECANet, README: t = int(abs((log(C, 2) + b) / gamma)), k = t if t % 2 else t + 1."""
    for channels in range(1, 8193):
        t = int(abs((math.log(channels, 2) + 1) / 2))
        assert ECA().taps(channels) == (t if t % 2 else t + 1), channels


@pytest.mark.parametrize("gamma", [1, 2, 3])
@pytest.mark.parametrize("b", [1, 2, 5])
def test_kernel_sizes_are_the_nearest_odd_number_and_the_upper_of_two(gamma, b):
    def reaches(channels, size):
        """Whether (log2 C + b) / gamma >= size, in whole numbers."""
        return channels * 2**b >= 2 ** (gamma * size)

    for channels in range(1, 4097):
        # An odd k is nearest from k - 1, where k - 2 is as near, to below k + 1.
        k = max(k for k in range(1, 99, 2) if k == 1 or reaches(channels, k - 1))
        assert ECA(gamma=gamma, b=b).taps(channels) == k, channels


# The authors' networks, per stage (eca_resnet.py of github.com/BangguWu/ECANet and its README).
@pytest.mark.parametrize(
    ("network", "kernels"),
    [
        ("resnet18", "3577"),
        ("resnet34", "3357"),
        ("resnet50", "3557"),
        ("resnet101", "3357"),
        ("resnet152", "3357"),
    ],
)
def test_released_kernels_by_stage(network, kernels):
    with torch.device("meta"):
        model = create(network, attention=ECA.released(network))
    for stage, k in enumerate(kernels, start=2):
        blocks = [m for m in model.get_submodule(f"stage{stage}").modules() if isinstance(m, EfficientChannelAttention)]
        assert {block.conv.kernel_size for block in blocks} == {(int(k),)}


# "80" is printed in the abstract: 3 * 3 + 4 * 5 + 6 * 5 + 3 * 7. The rule has 5, 5, 5, 7.
RESNET50 = [(ECA.released("resnet50"), 80, 25_557_112), (ECA(), 86, 25_557_118)]


@pytest.mark.parametrize(("spec", "extra", "total"), RESNET50)
def test_parameters_of_resnet50(spec, extra, total):
    with torch.device("meta"):
        found = cost(create("resnet50", attention=spec))
    assert (found.attention.parameters, found.parameters) == (extra, total)
    units = {256: 3, 512: 4, 1024: 6, 2048: 3}
    assert found.attention.multiply_adds == sum(n * c * spec.taps(c) for c, n in units.items())


@pytest.mark.parametrize(
    ("network", "spec", "extra", "total"),
    [
        *(("resnet50", *row) for row in RESNET50),
        # k = 1 in the ten units that leave fewer than 96 channels, 3 in the other seven.
        ("mobilenet_v2", ECA.released("mobilenet_v2"), 10 * 1 + 7 * 3, 3_504_903),
    ],
)
def test_parameters_of_networks_that_it_is_inserted_into(network, spec, extra, total):
    found = cost(insert(getattr(torchvision.models, network)(), spec, example=(1, 3, 64, 64)), (3, 64, 64))
    assert (found.attention.parameters, found.parameters) == (extra, total)


def test_widths_that_a_released_network_lacks_take_the_rule():
    assert [ECA.released("resnet50").taps(channels) for channels in (64, 256, 4096)] == [ECA().taps(64), 3, 7]
