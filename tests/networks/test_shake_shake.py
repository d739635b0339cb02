# Shake-Shake: a slow assembly in evaluation, and what alpha and beta do in training.

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_parity import randomise
from torch import nn

from catalogue_of_blocks import OWN, SMALL, build
from senet.attention import SE
from senet.networks.shake_shake import ROWS, Shake, ShakeFunction, TwoPaths

SMALL_NETWORK = replace(ROWS["shake_shake_26_2x96d"], depths=(1, 2, 1), channels=(8, 16, 32))


def on_meta(spec):
    with torch.device("meta"):
        return spec.build(10, 3)


def parameters(name):
    return sum(p.numel() for p in on_meta(ROWS[name]).parameters())


def test_counts_are_the_closed_form():
    total, before = 27 * 16 + 2 * 16, 16
    for channels in (96, 192, 384):
        for unit in range(4):
            total += 2 * (9 * before * channels + 9 * channels**2 + 4 * channels)
            total += before * channels + 2 * channels if unit == 0 else 0
            before = channels
    total += 384 * 10 + 10
    assert parameters("shake_shake_26_2x96d") == total == 26_192_922
    added = sum(4 * (2 * c * c // 16 + c + c // 16) for c in (96, 192, 384))
    assert parameters("se_shake_shake_26_2x96d") == total + added


# --- the slow assembly


def slow(state, x, depths):
    def bn(x, name):
        running = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(x, *running, state[f"{name}.weight"], state[f"{name}.bias"])

    def conv_bn(x, name, stride=1):
        return bn(F.conv2d(x, state[f"{name}.conv.weight"], stride=stride, padding=1), f"{name}.bn")

    x = conv_bn(x, "stem.conv1")
    for stage, depth in enumerate(depths):
        for i in range(depth):
            unit = f"stage{stage + 2}.{i}"
            stride = 2 if stage and not i else 1
            y = 0
            for branch in ("branch1", "branch2"):
                z = conv_bn(x.relu(), f"{unit}.branch.{branch}.conv1", stride)
                y = y + conv_bn(z.relu(), f"{unit}.branch.{branch}.conv2") / 2
            if f"{unit}.attention.fc1.weight" in state:
                gate = f"{unit}.attention"
                hidden = F.linear(y.mean((2, 3)), state[f"{gate}.fc1.weight"], state[f"{gate}.fc1.bias"]).relu()
                s = F.linear(hidden, state[f"{gate}.fc2.weight"], state[f"{gate}.fc2.bias"]).sigmoid()
                y = y * s[:, :, None, None]
            x = y + (two_paths(state, x, f"{unit}.shortcut", stride, bn) if i == 0 else x)
    return F.linear(x.relu().mean((2, 3)), state["head.fc.weight"], state["head.fc.bias"])


def two_paths(state, x, name, stride, bn):
    rows, columns = range(0, x.shape[2], stride), range(0, x.shape[3], stride)
    pixels = torch.zeros(2, len(x), x.shape[1], len(rows), len(columns), dtype=x.dtype)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            pixels[0, :, :, i, j] = x[:, :, row, column]
            if row and column:  # the pixel up and left of it, zero outside
                pixels[1, :, :, i, j] = x[:, :, row - 1, column - 1]
    y = [F.conv2d(p.relu(), state[f"{name}.conv{k}.weight"]) for k, p in enumerate(pixels, 1)]
    return bn(torch.cat(y, 1), f"{name}.bn")


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("attention", [None, SE(4)], ids=repr)
@torch.no_grad()
def test_logits_equal_a_slow_assembly(attention, size):
    model = randomise(on_meta(replace(SMALL_NETWORK, attention=attention)))
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    expected = slow(model.state_dict(), x, SMALL_NETWORK.depths)
    assert (expected[0] - expected[1]).abs().max() > 1e-3 * expected.abs().max()
    torch.testing.assert_close(model(x), expected, rtol=1e-11, atol=1e-11)
    # The same with the shift in the other direction differs.
    model.get_submodule("stage3.0.shortcut").conv2.register_forward_pre_hook(lambda _, args: args[0].roll(-1, 2))
    assert (model(x) - expected).abs().max() > 1e-4 * expected.abs().max()


@torch.no_grad()
@pytest.mark.slow
def test_the_published_row_equals_the_slow_assembly():
    spec = ROWS["se_shake_shake_26_2x96d"]
    model, x = randomise(on_meta(spec)), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(model(x), slow(model.state_dict(), x, spec.depths), rtol=1e-10, atol=1e-10)


# --- mixing


def test_forward_mixes_by_alpha_and_backward_by_beta():
    a, b, g = torch.randn(3, 5, 2, 3, 3, dtype=torch.float64)
    alpha, beta = torch.rand(2, 5, 1, 1, 1, dtype=torch.float64)
    a.requires_grad_()
    b.requires_grad_()
    mixed = ShakeFunction.apply(a, b, alpha, beta)
    torch.testing.assert_close(mixed, alpha * a + (1 - alpha) * b)
    mixed.backward(g)
    torch.testing.assert_close(a.grad, beta * g)
    torch.testing.assert_close(b.grad, (1 - beta) * g)
    assert not torch.allclose(a.grad, alpha * g)


def drawn(seed, images=4000):
    """Alpha and beta of each image."""
    torch.manual_seed(seed)
    a = torch.ones(images, 1, 1, 1, requires_grad=True)
    mixed = Shake()(a, torch.zeros(images, 1, 1, 1))
    mixed.sum().backward()
    return mixed.detach().flatten(), a.grad.flatten()


def test_each_image_draws_alpha_and_beta_of_its_own_uniformly():
    alpha, beta = drawn(0)
    for values in (alpha, beta):
        assert values.unique().numel() > 3900
        assert values.min() >= 0
        assert values.max() < 1
        assert abs(values.mean() - 1 / 2) < 4 * (1 / 12 / 4000) ** 0.5
        assert abs(values.var() - 1 / 12) < 0.005
    assert abs(torch.corrcoef(torch.stack([alpha, beta]))[0, 1]) < 4 / 4000**0.5


def test_torchs_seed_fixes_both():
    assert all(torch.equal(x, y) for x, y in zip(drawn(1), drawn(1), strict=True))
    assert not any(torch.equal(x, y) for x, y in zip(drawn(1), drawn(2), strict=True))


def test_a_coefficient_is_the_same_for_all_of_an_image():
    mixed = Shake()(torch.ones(3, 4, 5, 5), torch.zeros(3, 4, 5, 5))
    assert (mixed == mixed[:, :1, :1, :1]).all()


def test_evaluation_halves_both_and_draws_nothing():
    a, b = torch.randn(2, 3, 4, 5, 5)
    before = torch.get_rng_state()
    torch.testing.assert_close(Shake().eval()(a, b), (a + b) / 2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_dtype_stays(dtype):
    assert Shake()(torch.ones(2, 1, 1, 1, dtype=dtype), torch.zeros(2, 1, 1, 1, dtype=dtype)).dtype == dtype


# --- the network


def losses(model, seed):
    torch.manual_seed(seed)
    model.zero_grad()
    loss = F.cross_entropy(model(torch.ones(4, 3, 8, 8).cumsum(0)), torch.tensor([0, 1, 2, 3]))
    loss.backward()
    return loss.item(), model.stem.conv1.conv.weight.grad.clone()


def test_a_step_of_training_is_a_function_of_the_seed():
    model = SMALL_NETWORK.build(10, 3)
    (one, grad), (again, same), (other, _) = losses(model, 1), losses(model, 1), losses(model, 2)
    assert one == again
    assert torch.equal(grad, same)
    assert one != other
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_any_spec_builds_in_its_slot():
    for spec in (*SMALL, OWN):
        model = on_meta(replace(SMALL_NETWORK, attention=spec))
        # A gate weighs the mixed branches of a unit; a convolution is replaced in each of its two.
        slots = 8 if spec.slot == "convolution" else 4
        assert sum(type(m) is type(build(spec)) for m in model.modules()) == slots
        assert model(torch.empty(2, 3, 9, 9, device="meta")).shape == (2, 10)


def test_features_are_as_the_stages_say():
    model = on_meta(ROWS["se_shake_shake_26_2x96d"]).eval()
    maps = model.features(torch.empty(1, 3, 33, 33, device="meta"))
    assert [tuple(map.shape[1:]) for map in maps.values()] == [(96, 33, 33), (192, 17, 17), (384, 9, 9)]
    assert [(stage.channels, stage.stride) for stage in model.stages] == [(96, 1), (192, 2), (384, 4)]


def test_an_image_of_one_pixel_and_odd_channels():
    assert TwoPaths(3, 7, 2).eval()(torch.randn(1, 3, 1, 1)).shape == (1, 7, 1, 1)


def test_one_graph_in_evaluation_that_exports_for_any_batch():
    torch._dynamo.reset()
    model, x = replace(SMALL_NETWORK, depths=(1, 1, 1), attention=SE(4)).build(10, 3).eval(), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(x), model(x))
        batch = {0: torch.export.Dim("batch", min=1, max=64)}
        program = torch.export.export(model, (x,), dynamic_shapes=(batch,))
        many = torch.randn(5, 3, 8, 8)
        torch.testing.assert_close(program.module()(many), model(many))


@pytest.mark.slow
def test_a_step_of_training_is_one_graph():
    torch._dynamo.reset()
    model = replace(SMALL_NETWORK, depths=(1, 1, 1), attention=SE(4)).build(10, 3)
    torch.compile(model, backend="aot_eager", fullgraph=True)(torch.randn(2, 3, 8, 8)).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_training_mixes_the_backward_pass_by_beta(backend):
    torch._dynamo.reset()
    a, b = (torch.randn(6, 1, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    alpha, beta = (torch.rand(6, 1, 1, 1, dtype=torch.float64) for _ in range(2))
    mix = torch.compile(ShakeFunction.apply, backend=backend, fullgraph=True)
    mixed = mix(a, b, alpha, beta)
    one, other = torch.autograd.grad(mixed.sum(), (a, b))
    torch.testing.assert_close(mixed, alpha * a + (1 - alpha) * b)
    torch.testing.assert_close(one, beta.expand_as(a))
    torch.testing.assert_close(other, (1 - beta).expand_as(b))


def test_stem_has_no_relu():
    assert not any(isinstance(m, nn.ReLU) for m in SMALL_NETWORK.build(10, 3).stem.modules())
