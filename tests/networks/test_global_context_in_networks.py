# A block that adds, in the slots of every family: the units hand it a map and take what it makes of it.

from dataclasses import replace

import families
import pytest
import torch
from torch import nn

from senet.accounting import cost
from senet.attention import GC, SE, SqueezeExcite
from senet.attention.global_context import GlobalContext
from senet.networks import create, initialise

# A convolution's slots hold selective kernels in one row; a gate fills gates' alone.
FAST = ("se_resnet8", "se_preact_resnet164", "se_shufflenet_v2_x0_5")  # a sum with a ReLU, without, a concatenation
each_family = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in families.CHANGES]
)


def build(name, attention):
    return initialise(replace(families.spec(name), attention=attention).build(5, 3)).double()


def blocks_of(model, kind=GlobalContext):
    return [module for module in model.modules() if isinstance(module, kind)]


def moved(model):
    for block in blocks_of(model):
        for parameter in block.context.transform.last.parameters():
            nn.init.normal_(parameter, std=0.02)
        nn.init.normal_(block.context.pool.mask.weight, std=0.001)  # maps of fresh networks are large in evaluation
    return model


@each_family
def test_it_stands_wherever_a_gate_does_and_starts_as_the_plain_network(name):
    model, plain, x = build(name, GC(2)), build(name, None), families.odd_images(name).double()
    assert len(blocks_of(model)) == len(blocks_of(build(name, SE(2)), SqueezeExcite)) > 0
    missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(".attention." in key for key in missing)
    assert torch.equal(model.eval()(x), plain.eval()(x))


@each_family
@torch.no_grad()
def test_each_block_changes_the_output_once_its_last_layer_has_moved(name):
    model, x = build(name, GC(2)).eval(), families.odd_images(name).double()
    before = model(x)
    for block in blocks_of(model):
        bias = block.context.transform.last.bias
        nn.init.constant_(bias, 1.0)
        assert (model(x) - before).abs().max() > 1e-9 * before.abs().max()
        nn.init.zeros_(bias)


@each_family
def test_gradients_reach_every_parameter_but_the_bias_of_the_mask(name):
    model, positions = moved(build(name, GC(2))).eval(), {}  # a norm of a batch would take a constant away again

    def watch(pool, args, output):
        positions[pool] = args[0][0, 0].numel()

    for block in blocks_of(model):
        block.context.pool.register_forward_hook(watch)
    model(families.odd_images(name, 4).double()).square().sum().backward()
    for block in blocks_of(model):
        largest = max(p.grad.abs().max() for p in block.parameters())
        # A single position has the weight one, whatever the mask.
        silent = "mask.bias" if positions[block.context.pool] > 1 else ("mask.bias", "mask.weight")
        for key, parameter in block.named_parameters():
            assert (parameter.grad.abs().max() > 1e-10 * largest) != key.endswith(silent), key


@each_family
def test_all_that_it_costs_is_attentions(name):
    model, plain = build(name, GC(2)), build(name, None)
    size = families.odd_images(name).shape[1:]
    found, without = cost(model, size), cost(plain, size)
    assert found.attention == found.total - without.total
    assert found.attention.parameters == sum(p.numel() for b in blocks_of(model) for p in b.parameters())
    assert without.attention.parameters == 0


def test_parameters_of_resnet50():
    """Cao et al. print 28.08M, which is the thirteen blocks of conv3 to conv5; a network's slots are all sixteen."""
    with torch.device("meta"):
        found = cost(create("resnet50", attention=GC()))
    assert (found.parameters, found.attention.parameters) == (28_105_032, 2_548_000)


@pytest.mark.parametrize(("name", "last"), [("se_resnet8", torch.relu), ("se_preact_resnet164", torch.clone)])
@torch.no_grad()
def test_stochastic_depth_drops_what_is_added_with_its_branch(name, last):
    model, seen = moved(build(name, GC(2))), {}
    unit = model.stage3[0]
    unit.drop.drop_prob = 0.5
    for part in (unit.shortcut, unit.branch, unit.drop, unit):
        part.register_forward_hook(lambda module, args, output: seen.update({module: output}))
    model.train()(families.odd_images(name, 16).double())
    shortcut, y, out = (seen[part] for part in (unit.shortcut, unit.branch, unit))
    dropped = (seen[unit.drop] == 0).flatten(1).all(1)
    assert 0 < dropped.sum() < 16
    assert torch.equal(out[dropped], last(shortcut[dropped]))
    kept = last(shortcut + 2 * (y + unit.attention.term(y)))
    torch.testing.assert_close(out[~dropped], kept[~dropped], rtol=1e-12, atol=1e-12)
