"""init="preserve": nothing changes until training moves the gates, and training moves them all."""

import copy
import itertools

import pytest
import torch
from tiny import SHAPE, images, tiny
from torch import nn

from catalogue_of_blocks import GATES, OWN, SMALL, SMALL_GATES, each, row_of, silent_of
from senet import SE
from senet.attention import Effect
from senet.errors import UsageError
from senet.insertion import blocks, insert

STRATEGIES = "standard", "pre", "post", "identity", "conv3x3", "stage2.*.conv[12]"
CASES = [
    *(("standard", spec) for spec in (*GATES, OWN)),
    *itertools.product(STRATEGIES[1:], (*SMALL_GATES, OWN)),
]


@pytest.mark.parametrize(("strategy", "spec"), CASES, ids=str)
def test_outputs_and_buffers_are_the_originals_bit_for_bit(strategy, spec):
    model = tiny()
    new = insert(model, spec, where=strategy, init="preserve", example=SHAPE)
    assert torch.equal(new.eval()(images()), model.eval()(images()))
    outputs = []
    for m in model.train(), new.train():
        torch.manual_seed(0)  # of the dropout
        outputs.append(m(images()))
    assert torch.equal(*outputs)
    assert all(torch.equal(b, new.state_dict()[name]) for name, b in model.named_buffers())


@each((*GATES, OWN))
def test_two_steps_move_every_parameter_of_the_gates(spec):
    torch.manual_seed(1)
    model = insert(tiny(), spec, init="preserve", example=SHAPE).double()  # a small step is no rounding error
    before, on = copy.deepcopy(model.state_dict()), _watch_hidden_units(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images(8).double()), torch.arange(8) % 4).backward()
        optimizer.step()
    still = (*silent_of(spec), *_taken_away(model))
    for name, parameter in model.named_parameters():
        if "_attention." not in name or name.endswith(still):
            continue
        moved = (parameter != before[name]).flatten(1).any(1) if parameter.ndim > 1 else parameter != before[name]
        layer = name.rpartition(".")[0]
        if layer in on:  # a unit that its ReLU keeps off for the whole batch gets no gradient
            moved = moved[torch.stack(on[layer]).all(0)]
        assert len(moved), name
        assert moved.all(), name


def _taken_away(model):
    """Return names of biases that the norm of the batch behind them takes away again."""
    for name, module in model.named_modules():
        for (key, _), (_, after) in itertools.pairwise(module.named_children()):
            if isinstance(after, nn.modules.batchnorm._BatchNorm):
                yield f"{name}.{key}.bias"


def _watch_hidden_units(model):
    """Note in each forward which hidden units are on for some image, for each layer before them."""
    on = {}
    for name, module in model.named_modules():
        if hasattr(module, "activation"):
            units = []
            module.activation.register_forward_hook(
                lambda m, a, out, units=units: units.append((out > 0).flatten(0, -2).any(0))
            )
            children = [key for key, _ in module.named_children()]
            on |= {f"{name}.{key}": units for key in children[: children.index("activation")]}
    return on


@each(spec for spec in SMALL if row_of(spec).stays)
def test_what_cannot_start_as_the_identity_is_refused_and_says_why(spec):
    with pytest.raises(UsageError, match=row_of(spec).stays) as error:
        insert(tiny(), spec, init="preserve", example=SHAPE)
    assert error.value.do == 'insert it with --init paper (init="paper")'
    assert blocks(insert(tiny(), spec, example=SHAPE))


@pytest.mark.parametrize("spec", [SE(reduction=4, gate="relu", bias=False)], ids=str)
def test_a_gate_that_cannot_start_at_one_is_refused(spec):
    with pytest.raises(UsageError, match=r'insert it with --init paper \(init="paper"\)'):
        insert(tiny(), spec, init="preserve", example=SHAPE)


class Half(nn.Module):
    """A user's block that does not say how it starts as the identity."""

    effect = Effect.MULTIPLIES

    def __init__(self):
        super().__init__()
        self.gate = nn.Sigmoid()

    def weights(self, x):
        return self.gate(x.mean((2, 3), keepdim=True))

    def forward(self, x):
        return x * self.weights(x)


class HalfSpec:
    slot = "gate"

    def __call__(self, channels):
        return Half()

    def __repr__(self):
        return "HalfSpec()"


def test_a_users_block_that_does_not_say_how_is_refused():
    with pytest.raises(UsageError, match="no start_as_identity"):
        insert(tiny(), HalfSpec(), init="preserve", example=SHAPE)
    assert len(blocks(insert(tiny(), HalfSpec(), example=SHAPE))) == 4


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
    seen = []  # before the sum in place that follows
    model.stage1[0].bn3_attention.register_forward_hook(
        lambda m, args, out: seen.extend((args[0].clone(), out.clone()))
    )
    model(images())
    assert torch.equal(seen[1], seen[0] / 2)
