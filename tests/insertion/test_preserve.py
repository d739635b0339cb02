"""init="preserve": nothing changes until training moves the gates, and training moves them all."""

import copy

import pytest
import torch
from tiny import SHAPE, images, tiny
from torch import nn

from senet import CBAM, SE
from senet.errors import UsageError
from senet.insertion import blocks, insert

PRESERVING = (
    SE(reduction=4),
    SE(reduction=4, gate="hard_sigmoid"),
    SE(reduction=4, gate="tanh"),
    SE(reduction=4, gate="tanh", bias=False),
    SE(reduction=4, gate="relu"),
    SE(reduction=4, norm=True),
    SE(reduction=4, squeeze="max", bias=False),
    SE(reduction=4, squeeze="none"),
    CBAM(reduction=4),
    CBAM(reduction=4, order="spatial-channel", spatial="conv"),
    CBAM(reduction=4, spatial="none"),
)


@pytest.mark.parametrize("strategy", ["standard", "pre", "post", "identity", "conv3x3", "stage2.*.conv[12]"])
@pytest.mark.parametrize("spec", PRESERVING, ids=str)
def test_outputs_and_buffers_are_the_originals_bit_for_bit(spec, strategy):
    model = tiny()
    new = insert(model, spec, where=strategy, init="preserve", example=SHAPE)
    assert torch.equal(new.eval()(images()), model.eval()(images()))
    outputs = []
    for m in model.train(), new.train():
        torch.manual_seed(0)  # of the dropout
        outputs.append(m(images()))
    assert torch.equal(*outputs)
    assert all(torch.equal(b, new.state_dict()[name]) for name, b in model.named_buffers())


@pytest.mark.parametrize("spec", PRESERVING, ids=str)
def test_two_steps_move_every_parameter_of_the_gates(spec):
    torch.manual_seed(1)
    model = insert(tiny(), spec, init="preserve", example=SHAPE).double()  # a small step is no rounding error
    before, on = copy.deepcopy(model.state_dict()), _watch_hidden_units(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images(8).double()), torch.arange(8) % 4).backward()
        optimizer.step()
    for name, parameter in model.named_parameters():
        block, rest = name.partition(".fc1.")[0], name.rpartition(".")[2]
        moved = parameter != before[name]
        if ".attention." not in name or (spec == SE(reduction=4, norm=True) and "fc" in name and rest == "bias"):
            continue  # the trunk; or a bias that the norm behind it takes away again
        if ".fc1." in name:  # a unit that its ReLU keeps off for the whole batch gets no gradient
            moved = moved.flatten(1).any(1) if rest == "weight" else moved
            moved = moved[torch.stack(on[block]).all(0)]
        elif moved.ndim > 1:
            moved = moved.flatten(1).any(1)
        assert len(moved), name
        assert moved.all(), name


def _watch_hidden_units(model):
    """Note in each forward which hidden units are on for some image."""
    owners = {name: module for name, module in model.named_modules() if hasattr(module, "fc1")}
    on = {name: [] for name in owners}
    for name, module in owners.items():
        module.activation.register_forward_hook(
            lambda m, a, out, name=name: on[name].append((out > 0).flatten(0, -2).any(0))
        )
    return on


@pytest.mark.parametrize("spec", [SE(reduction=4, gate="relu", bias=False)], ids=str)
def test_a_gate_that_cannot_start_at_one_is_refused(spec):
    with pytest.raises(UsageError, match=r'insert it with --init paper \(init="paper"\)'):
        insert(tiny(), spec, init="preserve", example=SHAPE)


def test_a_users_block_without_a_last_layer_is_refused():
    class Half(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.gate = nn.Sigmoid()

        def weights(self, x):
            return self.gate(x.mean((2, 3), keepdim=True))

        def forward(self, x):
            return x * self.weights(x)

    Half.slot = "gate"

    class Spec:
        slot = "gate"

        def __call__(self, channels):
            return Half(channels)

        def __repr__(self):
            return "Half()"

    with pytest.raises(UsageError, match="cannot start at one"):
        insert(tiny(), Spec(), init="preserve", example=SHAPE)
    assert len(blocks(insert(tiny(), Spec(), example=SHAPE))) == 4


def test_weights_of_a_preserving_gate_do_not_load_into_a_plain_one():
    preserved, plain = (insert(tiny(), SE(reduction=4), init=init, example=SHAPE) for init in ("preserve", "paper"))
    with pytest.raises(RuntimeError, match=r"gate\.scale"):
        plain.load_state_dict(preserved.state_dict())
    with pytest.raises(RuntimeError, match=r"gate\.scale"):
        preserved.load_state_dict(plain.state_dict())


def test_a_plain_gate_at_zero_halves_the_branch():
    """What the docs say in one line: sigmoid(0) is one half."""
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    for name in blocks(model):
        nn.init.zeros_(model.get_submodule(name).fc2.weight)
        nn.init.zeros_(model.get_submodule(name).fc2.bias)
    bn = model.stage1[0].bn3.eval()
    seen = []
    bn.attention.register_forward_hook(lambda m, args, out: seen.extend((args[0], out)))
    bn(torch.randn(2, 16, 4, 4))
    assert torch.equal(seen[1], seen[0] / 2)
