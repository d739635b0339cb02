# A unit in few passes is the formula, whatever the block, the mode and who listens; and overwrites nobody's map.

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from catalogue_of_blocks import OWN, SMALL_GATES, each
from senet.attention import Effect, attend, build_gate, parse, recalibrate
from senet.attention.residual import AttendedSequential, attend_add, attend_fresh, residual
from senet.layers import DropPath, conv_bn, conv_bn_relu

CHANNELS, FORMATS = 8, (torch.contiguous_format, torch.channels_last)
SPECS = (None, *SMALL_GATES, OWN)


def unit(spec, layout=torch.contiguous_format, seed=0):
    """A branch of two layers, its block and an input, in float64."""
    torch.manual_seed(seed)
    branch = nn.Sequential(conv_bn_relu(CHANNELS, 4, 1), conv_bn(4, CHANNELS, 3)).double()
    block = None if spec is None else build_gate(spec, CHANNELS).double()
    with torch.no_grad():
        for parameter in [*branch.parameters(), *(block.parameters() if block else ())]:
            parameter.add_(0.3 * torch.randn_like(parameter))
    x = torch.randn(3, CHANNELS, 6, 5, dtype=torch.float64).to(memory_format=layout)
    return branch, block, x


def formula(branch, x, block, shortcut, drop):
    return recalibrate(branch(x), block, shortcut(x), drop)


def of_training(run, branch, block, x, drop):
    """The result and all gradients, on copies."""
    branch, block = copy.deepcopy((branch, block))
    x = x.clone().requires_grad_()
    torch.manual_seed(1)
    result = run(branch, x, block, nn.Identity(), drop)
    parameters = [p for m in (branch, block) if m is not None for p in m.parameters()]
    weights = torch.linspace(-1, 1, result.numel(), dtype=x.dtype).reshape(result.shape)
    return result, torch.autograd.grad(result, [x, *parameters], weights, allow_unused=True), branch.state_dict()


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("rate", [0.0, 0.5])
@each(SPECS)
def test_trains_as_the_formula_does(spec, layout, rate):
    branch, block, x = unit(spec, layout)
    drop = DropPath(rate)
    found, expected = (of_training(run, branch, block, x, drop) for run in (residual, formula))
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("layout", FORMATS)
@each(SPECS)
def test_evaluates_as_the_formula_does_and_leaves_the_input_alone(spec, layout):
    branch, block, x = unit(spec, layout)
    for module in (branch, block):
        if module is not None:
            module.eval()
    held = x.clone()
    with torch.no_grad():
        found = residual(branch, x, block, nn.Identity(), DropPath(0.5).eval())
        assert torch.equal(x, held)
        torch.testing.assert_close(found, formula(branch, x, block, nn.Identity(), DropPath(0.5).eval()))
    with_gradients = residual(branch, x, block, nn.Identity(), DropPath(0.5).eval())
    torch.testing.assert_close(with_gradients, found)


@each(SPECS)
def test_sums_and_scales_alone_are_the_formula(spec):
    _, block, x = unit(spec)
    y, shortcut = torch.randn(2, *x.shape, dtype=x.dtype)
    for fresh in (False, True):
        with torch.no_grad():
            expected = attend(y, block)
            torch.testing.assert_close(attend_fresh(y.clone(), block, fresh), expected)
            torch.testing.assert_close(attend_add(y.clone(), block, shortcut, fresh), expected + shortcut)


@pytest.mark.parametrize("path", ["", "1", "1.bn"])
@torch.no_grad()
def test_what_a_hook_has_kept_is_not_overwritten(path):
    branch, block, x = unit(parse("SE(reduction=2)"))
    branch.eval()
    kept = []
    branch.get_submodule(path).register_forward_hook(lambda *args: kept.append((args[-1], args[-1].clone())))
    found = residual(branch, x, block, nn.Identity())
    (held, copied), *more = kept
    assert not more
    assert torch.equal(held, copied)
    torch.testing.assert_close(found, formula(branch, x, block, nn.Identity(), lambda y: y))


@pytest.mark.parametrize("path", ["", "1", "1.bn", "1.conv", "0.relu"])
def test_hooks_in_the_branch_run_in_training_too(path):
    branch, block, x = unit(parse("SE(reduction=2)"))
    seen = []
    branch.get_submodule(path).register_forward_hook(lambda *_: seen.append(path))
    residual(branch, x, block, nn.Identity()).sum().backward()
    assert seen == [path]


@each(SMALL_GATES)
def test_hooks_on_the_gate_see_weights_and_may_change_them(spec):
    branch, block, x = unit(spec)
    for train in (False, True):
        seen = []
        branch.train(train)
        block.train(train)
        with torch.set_grad_enabled(train):
            handle = block.gate.register_forward_hook(lambda _, __, s, seen=seen: seen.append(s) or 0 * s)
            found = residual(branch, x, block, nn.Identity())
            handle.remove()
        assert len(seen) == 1
        added = branch(x) if block.effect is Effect.ADDS else 0
        torch.testing.assert_close(found, torch.relu(x + added), rtol=1e-9, atol=1e-9)


def test_a_branch_that_returns_its_input_leaves_it_alone():
    x = torch.randn(2, CHANNELS, 4, 4)
    held = x.clone()
    for branch in (nn.Identity(), nn.Sequential(), nn.Sequential(nn.Identity())):
        with torch.no_grad():
            result = residual(branch, x, None, nn.Identity())
        assert torch.equal(x, held)
        assert torch.equal(result, torch.relu(2 * x))


@torch.no_grad()
def test_what_a_block_of_ones_own_has_kept_is_not_overwritten():
    class Keeps(nn.Module):
        effect = Effect.MULTIPLIES

        def __init__(self):
            super().__init__()
            self.gate = nn.Sigmoid()

        def weights(self, x):
            self.kept, self.copied = x, x.clone()
            return self.gate(x.mean((2, 3), keepdim=True))

    branch, _, x = unit(None)
    block = Keeps()
    for run in (lambda: residual(branch.eval(), x, block, nn.Identity()), lambda: attend_fresh(x.clone(), block)):
        run()
        assert torch.equal(block.kept, block.copied)


@torch.no_grad()
def test_what_a_hook_within_a_block_has_kept_is_not_overwritten():
    branch, block, x = unit(parse("GC(reduction=2, fusion='scale')"))
    kept = []
    block.context.pool.register_forward_pre_hook(lambda _, args: kept.append((args[0], args[0].clone())))
    residual(branch.eval(), x, block, nn.Identity())
    attend_fresh(x.clone(), block)
    assert len(kept) == 2
    for held, copied in kept:
        assert torch.equal(held, copied)


def test_a_subclass_with_other_weights_is_asked_for_them():
    class Half(type(build_gate(parse("SE(reduction=2)"), CHANNELS))):
        def weights(self, u):
            return torch.full((1, 1, 1, 1), 0.5, dtype=u.dtype)

    branch, _, x = unit(None)
    found = residual(branch, x, Half(CHANNELS, 4).double(), nn.Identity())
    torch.testing.assert_close(found, torch.relu(branch(x) / 2 + x))


def test_a_sequence_with_attention_is_a_sequence():
    _, block, x = unit(parse("SE(reduction=2)"))
    front, last = conv_bn_relu(CHANNELS, CHANNELS, 3).double(), conv_bn(CHANNELS, 4, 1).double()
    layers = AttendedSequential()
    for name, layer in (("conv", front), ("attention", block), ("project", last)):
        layers.add_module(name, layer)
    layers.eval()
    with torch.no_grad():
        torch.testing.assert_close(layers(x), last(block(front(x))))
    seen = []
    block.register_forward_hook(lambda *args: seen.append(args[-1]))
    torch.testing.assert_close(layers(x), last(block(front(x))))
    assert len(seen) == 2


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own forward derivatives use it
def test_transforms_of_torch_func_get_the_formula():
    branch, block, x = unit(parse("SE(reduction=2)"))
    branch.eval()

    class Unit(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch, self.block = branch, block

        def forward(self, x):
            return residual(self.branch, x, self.block, nn.Identity())

    model = Unit()
    parameters = dict(model.named_parameters())

    def loss(parameters, image):
        return functional_call(model, parameters, (image[None],)).square().sum()

    each_image = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, x)
    for i, image in enumerate(x):
        model.zero_grad()
        loss(parameters, image).backward()
        for name, parameter in parameters.items():
            torch.testing.assert_close(each_image[name][i], parameter.grad)
    _, tangent = torch.func.jvp(model, (x,), (torch.ones_like(x),))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        torch.testing.assert_close(torch.autograd.forward_ad.unpack_dual(model(dual)).tangent, tangent)


@each(SMALL_GATES)
def test_under_autocast_no_worse_than_the_formula(spec):
    branch, block, x = unit(spec)
    exact = of_training(formula, branch, block, x, DropPath())
    single = copy.deepcopy((branch, block)), x.float()
    branch, block = (module.float() for module in single[0])

    def error(run):
        with torch.autocast("cpu", torch.bfloat16):
            found = of_training(run, branch, block, single[1], DropPath())
        pairs = zip((found[0], *found[1]), (exact[0], *exact[1]), strict=True)
        return max(((a.double() - b).norm() / (b.norm() + 1e-3)).item() for a, b in pairs if a is not None)

    assert error(residual) < 1.5 * error(formula) + 1e-3
