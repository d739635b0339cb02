# Equations 2 to 4 of Squeeze-and-Excitation, one number at a time.

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pairs import all_pairs
from senet.attention import SE


def relu6(x):
    return min(max(x, 0.0), 6.0)


SQUEEZES = {"avg": lambda values: sum(values) / len(values), "max": max}
ACTIVATIONS = {
    "relu": lambda x: max(x, 0.0),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "hard_swish": lambda x: x * relu6(x + 3) / 6,
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
}
GATES = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "hard_sigmoid": lambda x: relu6(x + 3) / 6,
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0.0),
}


def linear(z, fc, bn):
    biases = [0.0] * fc.out_features if fc.bias is None else fc.bias.tolist()
    y = [sum(w * v for w, v in zip(row, z, strict=True)) for row in fc.weight.tolist()]
    y = [value + bias for value, bias in zip(y, biases, strict=True)]
    if isinstance(bn, nn.Identity):
        return y
    columns = zip(y, *(t.tolist() for t in (bn.running_mean, bn.running_var, bn.weight, bn.bias)), strict=True)
    return [(value - mean) / math.sqrt(var + 1e-5) * scale + shift for value, mean, var, scale, shift in columns]


def excite(z, block, spec):
    hidden = [ACTIVATIONS[spec.activation](h) for h in linear(z, block.fc1, block.bn1)]
    return [GATES[spec.gate](s) for s in linear(hidden, block.fc2, block.bn2)]


def loops(u, block, spec):
    result = torch.empty_like(u)
    for b in range(len(u)):
        if spec.squeeze != "none":
            z = [SQUEEZES[spec.squeeze](u[b, c].flatten().tolist()) for c in range(u.shape[1])]
            s = excite(z, block, spec)
        for position in itertools.product(*map(range, u.shape[2:])):
            at = (b, slice(None), *position)
            if spec.squeeze == "none":
                s = excite(u[at].tolist(), block, spec)
            for c in range(u.shape[1]):
                result[b, c][position] = s[c] * u[b, c][position]
    return result


CHOICES = (["avg", "max", "none"], [*GATES], [*ACTIVATIONS], [False, True], [True, False])


@pytest.mark.parametrize(("squeeze", "gate", "activation", "norm", "bias"), all_pairs(*CHOICES))
def test_equals_the_equations(shake, squeeze, gate, activation, norm, bias):
    spec = SE(reduction=2, squeeze=squeeze, gate=gate, activation=activation, norm=norm, bias=bias)
    block, u = shake(spec(4)), torch.randn(2, 4, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(block(u), loops(u, block, spec), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spatial", [(5,), (2, 3), (2, 3, 2), (1,), (1, 1, 1)])
@pytest.mark.parametrize("squeeze", ["avg", "max", "none"])
def test_equals_the_equations_on_signals_images_and_volumes(shake, squeeze, spatial):
    spec = SE(reduction=2, squeeze=squeeze)
    block, u = shake(spec(4)), torch.randn(2, 4, *spatial, dtype=torch.float64)
    torch.testing.assert_close(block(u), loops(u, block, spec), rtol=1e-12, atol=1e-12)
    kept = spatial if squeeze == "none" else (1,) * len(spatial)
    assert block.weights(u).shape == (2, 4, *kept)


def test_without_squeeze_is_two_1x1_convolutions(shake):
    block, u = shake(SE(reduction=2, squeeze="none")(6)), torch.randn(2, 6, 5, 3, dtype=torch.float64)
    hidden = F.relu(F.conv2d(u, block.fc1.weight[:, :, None, None], block.fc1.bias))
    s = F.conv2d(hidden, block.fc2.weight[:, :, None, None], block.fc2.bias).sigmoid()
    torch.testing.assert_close(block(u), s * u, rtol=1e-12, atol=1e-12)


def test_norm_without_squeeze_counts_every_position(shake):
    block, u = shake(SE(reduction=2, squeeze="none", norm=True)(4)), torch.randn(1, 4, 3, 5, dtype=torch.float64)
    hidden = F.conv2d(u, block.fc1.weight[:, :, None, None], block.fc1.bias)
    before = block.bn1.running_mean.clone()
    block.train()(u)
    torch.testing.assert_close(block.bn1.running_mean, 0.9 * before + 0.1 * hidden.mean((0, 2, 3)))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("spec", [SE(4), SE(4, squeeze="max"), SE(4, squeeze="none"), SE(4, norm=True)])
def test_low_precision_modules_keep_their_dtype(spec, kind):
    u = torch.randn(2, 8, 3, 3, dtype=kind)
    y = spec(8).to(kind)(u)
    assert y.dtype == kind
    assert y.isfinite().all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("squeeze", ["avg", "none"])
def test_row_106_the_exporter_to_onnx_that_traces_exports_it(squeeze, tmp_path):
    """Detectors export with ``dynamo=False``, which counts axes from the front alone."""
    runtime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    block, u = SE(reduction=4, squeeze=squeeze)(16).eval(), torch.randn(2, 16, 5, 7)
    torch.onnx.export(block, (u,), tmp_path / "block.onnx", dynamo=False, input_names=["u"])
    (out,) = runtime.InferenceSession(tmp_path / "block.onnx").run(None, {"u": u.numpy()})
    torch.testing.assert_close(torch.from_numpy(out), block(u).detach(), rtol=1e-4, atol=1e-5)
