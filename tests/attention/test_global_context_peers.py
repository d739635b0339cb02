# GC against the authors' block and timm's, with their names, and the sizes of the authors' networks.

import pytest
import torch
import torchvision
from timm.layers import GlobalContext as TimmContext
from torch import nn

from senet.accounting import cost
from senet.attention import GC
from senet.insertion import insert


class ContextBlock(nn.Module):
    """What github.com/xvjiarui/GCNet's context_block.py and mmcv's compute, with their names."""

    def __init__(self, channels, hidden, pool, fusions):
        super().__init__()
        if pool == "attention":
            self.conv_mask = nn.Conv2d(channels, 1, 1)
        for fusion in fusions:
            layers = (
                nn.Conv2d(channels, hidden, 1),
                nn.LayerNorm([hidden, 1, 1]),
                nn.ReLU(),
                nn.Conv2d(hidden, channels, 1),
            )
            self.add_module(f"channel_{fusion}_conv", nn.Sequential(*layers))

    def context(self, x):
        if not hasattr(self, "conv_mask"):
            return nn.functional.adaptive_avg_pool2d(x, 1)
        mask = self.conv_mask(x).flatten(2).softmax(2)  # (B, 1, N)
        return torch.einsum("bcn,bn->bc", x.flatten(2), mask[:, 0])[:, :, None, None]

    def forward(self, x):
        context, out = self.context(x), x
        if hasattr(self, "channel_mul_conv"):
            out = out * self.channel_mul_conv(context).sigmoid()
        if hasattr(self, "channel_add_conv"):
            out = out + self.channel_add_conv(context)
        return out


AUTHORS = {"add": "add", "scale": "mul"}


@pytest.mark.parametrize("pool", ["attention", "average"])
@pytest.mark.parametrize("fusion", AUTHORS)
@pytest.mark.parametrize("prefix", ["", "layer.0."])
def test_weights_of_the_authors_load_and_compute_the_same(shake, fusion, pool, prefix):
    theirs, ours = shake(ContextBlock(32, 8, pool, [AUTHORS[fusion]])), GC(4, fusion=fusion, pool=pool)(32).double()
    root = nn.ModuleDict({"layer": nn.Sequential(ours)}) if prefix else ours
    root.load_state_dict({f"{prefix}{name}": value for name, value in theirs.state_dict().items()})
    x = torch.randn(2, 32, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    assert {value.ndim for value in ours.state_dict().values()} == {1, 2}


@pytest.mark.parametrize("written", [["add"], ["mul"], ["add", "mul"]], ids=str)
@pytest.mark.parametrize("fusion", AUTHORS)
def test_weights_of_another_fusion_are_refused(fusion, written):
    state, block = ContextBlock(32, 8, "attention", written).state_dict(), GC(4, fusion=fusion)(32)
    if written == [AUTHORS[fusion]]:
        block.load_state_dict(state)
        return
    with pytest.raises(RuntimeError, match="Unexpected key"):
        block.load_state_dict(state)


@pytest.mark.parametrize("ours", [GC(4, pool="average"), GC(8), GC(transform="linear")], ids=repr)
def test_weights_of_another_pool_or_width_are_refused(ours):
    with pytest.raises(RuntimeError, match="Error"):
        ours(32).load_state_dict(ContextBlock(32, 8, "attention", ["add"]).state_dict())


TIMM = {"conv_attn": "context.pool.mask", "mlp_add": "context.transform", "mlp_scale": "context.transform"}


def ours_of(name):
    part, _, rest = name.partition(".")
    return f"{TIMM[part]}.{rest}".replace("fc2", "last")


# Timm's `gc` is the fusion by scaling with r = 8. Its `gca` adds, but zeroes the weight of the last layer and not its
# bias, so that it is not the identity when it is fresh. Its norm has another epsilon.
@pytest.mark.parametrize("pool", ["attention", "average"])
@pytest.mark.parametrize("fusion", ["add", "scale"])
def test_equals_timm(shake, fusion, pool):
    kinds = {"use_attn": pool == "attention", "fuse_add": fusion == "add", "fuse_scale": fusion == "scale"}
    theirs, ours = shake(TimmContext(32, **kinds)), GC(8, fusion=fusion, pool=pool)(32).double()
    (theirs.mlp_add or theirs.mlp_scale).norm.eps = 1e-5
    state = {ours_of(name): value for name, value in theirs.state_dict().items()}
    ours.load_state_dict({name: v.flatten(1) if v.ndim > 1 else v for name, v in state.items()})
    x = torch.randn(2, 32, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def resnet50():
    torch.manual_seed(0)
    model = torchvision.models.resnet50()
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for value, least in (
                (norm.weight, 0.5),
                (norm.running_var, 0.5),
                (norm.bias, -0.5),
                (norm.running_mean, -0.5),
            ):
                nn.init.uniform_(value, least, least + 1)
    return model.eval()


# Cao et al. print 28.08M for all of conv3 to conv5, which is 13 units; not for all sixteen.
@pytest.mark.parametrize(
    ("stages", "extra", "total"), [((3, 4, 5), 2_521_741, 28_078_773), (None, 2_548_000, 28_105_032)]
)
def test_parameters_of_resnet50(resnet50, stages, extra, total):
    found = cost(insert(resnet50, GC(), stages=stages, example=(1, 3, 64, 64)), (3, 64, 64))
    assert (found.attention.parameters, found.parameters) == (extra, total)


@pytest.mark.parametrize("init", ["paper", "preserve"])
@torch.no_grad()
def test_inserted_blocks_leave_the_outputs_bit_for_bit(resnet50, init):
    x = torch.randn(2, 3, 64, 64)
    new = insert(resnet50, GC(), stages=(3, 4, 5), init=init, example=(1, 3, 64, 64))
    expected = resnet50(x)
    assert expected.isfinite().all()
    assert expected.std() > 1e-3
    assert torch.equal(new(x), expected)
