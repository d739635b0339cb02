# Pre-activation and wide ResNets: closed forms of the counts, and a slow assembly of functional calls.

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_parity import randomise

from catalogue_of_blocks import OWN, SMALL, build
from senet.attention import SE
from senet.errors import UsageError
from senet.networks.preact import ROWS, SumUnit

NAMES = ["preact_resnet110", "preact_resnet164", "wrn_16_8"]
HOW = {  # convolutions of a branch, channels of the stages, widths of the 3x3
    "preact_resnet110": (2, (16, 32, 64), (16, 32, 64)),
    "preact_resnet164": (3, (64, 128, 256), (16, 32, 64)),
    "wrn_16_8": (2, (128, 256, 512), (128, 256, 512)),
}


def on_meta(spec, num_classes=10, in_channels=3):
    with torch.device("meta"):
        return spec.build(num_classes, in_channels)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def count(name):
    convolutions, channels, widths = HOW[name]
    total, before = 3 * 9 * 16, 16
    for depth, width, after in zip(ROWS[name].depths, widths, channels, strict=True):
        for _ in range(depth):
            if convolutions == 2:
                total += 2 * before + 9 * before * after + 2 * after + 9 * after**2
            else:
                total += 2 * before + before * width + 4 * width + 9 * width**2 + width * after
            total += before * after if before != after and name != "preact_resnet110" else 0
            before = after
    return total + 2 * before + 10 * before + 10


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_the_closed_form(name):
    assert parameters(on_meta(ROWS[name])) == count(name)


# Zagoruyko and Komodakis, the table that compares methods on CIFAR.
@pytest.mark.parametrize(
    ("name", "printed"), [("wrn_16_8", 11.0), ("preact_resnet110", 1.7), ("preact_resnet164", 1.7)]
)
def test_counts_as_printed(name, printed):
    assert round(count(name) / 1e6, 1) == printed


@pytest.mark.parametrize("name", NAMES)
def test_se_form_adds_a_gate_to_each_unit(name):
    spec = ROWS[f"se_{name}"]
    assert replace(spec, attention=None) == ROWS[name]
    r = 8 if name == "preact_resnet110" else 16
    assert spec.attention == SE(reduction=r)
    added = sum(d * (2 * c * c // r + c + c // r) for d, c in zip(spec.depths, spec.channels, strict=True))
    assert parameters(on_meta(spec)) == count(name) + added


@pytest.mark.parametrize(("name", "layers"), [("preact_resnet110", 110), ("preact_resnet164", 164), ("wrn_16_8", 16)])
def test_layers_as_named(name, layers):
    convolutions = HOW[name][0]
    weights = [m for m in on_meta(ROWS[name]).modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    projections = 0 if name == "preact_resnet110" else 3
    assert len(weights) - projections == convolutions * sum(ROWS[name].depths) + 2
    # The authors of WRN count a projection: 6n + 4.
    assert layers == convolutions * sum(ROWS[name].depths) + (4 if name == "wrn_16_8" else 2)


# --- the slow assembly: x is followed through the state dict, convolution by convolution


def slow(state, x, depths, convolutions, shared=True):
    def bn_relu(x, name):
        scale = state[f"{name}.weight"] / (state[f"{name}.running_var"] + 1e-5).sqrt()
        shift = state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale
        return (x * scale[:, None, None] + shift[:, None, None]).clamp(min=0)

    def convolve(x, name, stride=1):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    x = convolve(x, "stem.conv1.conv")
    for stage, depth in enumerate(depths):
        for i in range(depth):
            unit = f"stage{stage + 2}.{i}"
            stride = 2 if stage and not i else 1
            z = bn_relu(x, f"{unit}.before.bn" if i == 0 else f"{unit}.branch.preact.bn")
            y = convolve(z, f"{unit}.branch.conv1.conv", stride)
            for k in range(2, convolutions + 1):
                y = convolve(bn_relu(y, f"{unit}.branch.conv{k - 1}.bn"), f"{unit}.branch.conv{k}.conv")
            if f"{unit}.attention.fc1.weight" in state:
                hidden = F.linear(
                    y.mean((2, 3)), state[f"{unit}.attention.fc1.weight"], state[f"{unit}.attention.fc1.bias"]
                )
                s = F.linear(hidden.relu(), state[f"{unit}.attention.fc2.weight"], state[f"{unit}.attention.fc2.bias"])
                y = y * s.sigmoid()[:, :, None, None]
            short = z if i == 0 and shared else x
            if f"{unit}.shortcut.conv.weight" in state:
                short = convolve(short, f"{unit}.shortcut.conv", stride)
            elif short.shape != y.shape:
                short = short[:, :, ::stride, ::stride]
                zeros = torch.zeros(len(y), y.shape[1] - short.shape[1], *y.shape[2:], dtype=y.dtype)
                short = torch.cat([short, zeros], 1)
            x = y + short
    return F.linear(bn_relu(x, "head.bn").mean((2, 3)), state["head.fc.weight"], state["head.fc.bias"])


@pytest.mark.parametrize("size", [16, 17])
@pytest.mark.parametrize("name", ROWS)
@torch.no_grad()
def test_logits_equal_a_slow_assembly(name, size):
    spec = replace(ROWS[name], depths=(2, 1, 2))
    model = randomise(on_meta(spec))
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    convolutions, _, _ = HOW[name.removeprefix("se_")]
    expected = slow(model.state_dict(), x, spec.depths, convolutions)
    assert (expected[0] - expected[1]).abs().max() > 1e-3 * expected.abs().max()
    torch.testing.assert_close(model(x), expected, rtol=1e-11, atol=1e-11)
    wrong = slow(model.state_dict(), x, spec.depths, convolutions, shared=False)
    assert (wrong - expected).abs().max() > 1e-4 * expected.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_any_spec_builds_in_its_slot(name):
    for spec in (*SMALL, OWN):
        model = on_meta(replace(ROWS[name], depths=(1, 2, 1), attention=spec), 7, 1)
        assert model(torch.empty(2, 1, 32, 32, device="meta")).shape == (2, 7)
        units = [m for m in model.modules() if isinstance(m, SumUnit)]
        assert len(units) == 4
        assert all((u.attention is None) == (spec.slot == "convolution") for u in units)
        if spec.slot == "convolution":
            place = "conv2" if HOW[name][0] == 3 else "conv1"
            assert all(type(u.branch.get_submodule(place)) is type(build(spec)) for u in units)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_training_reaches_every_parameter(name):
    model = replace(ROWS[name], depths=(1, 2, 1), attention=SE(8)).build(10, 3)
    F.cross_entropy(model(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 3])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_features_are_as_the_stages_say():
    model = on_meta(replace(ROWS["preact_resnet164"], depths=(2, 2, 2)))
    maps = model.features(torch.empty(1, 3, 33, 33, device="meta"))
    assert {name: map.shape[1:] for name, map in maps.items()} == {
        stage.name: (stage.channels, -(-33 // stage.stride), -(-33 // stage.stride)) for stage in model.stages
    }


def test_a_reduction_without_hidden_units_is_refused():
    with pytest.raises(UsageError, match="reduction=32"):
        on_meta(replace(ROWS["preact_resnet110"], attention=SE(32)))


@pytest.mark.parametrize("name", ["se_preact_resnet110", pytest.param("se_wrn_16_8", marks=pytest.mark.slow)])
def test_one_graph_that_exports(name):
    torch._dynamo.reset()
    spec = replace(ROWS[name], depths=(1, 2, 1))
    model, x = spec.build(10, 3).eval(), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(x), model(x))
        torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), model(x))
