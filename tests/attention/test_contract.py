# What every block promises, for every choice of every public spec.

import copy
import pickle
from dataclasses import fields, replace
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch

from senet.attention import CBAM, SE, SK


def choices(base):
    """The spec and every spec that differs from it in one of its choices."""
    yield base
    for field in fields(base):
        hint = get_type_hints(type(base))[field.name]
        values = get_args(hint) if get_origin(hint) is Literal else (True, False) if hint is bool else ()
        yield from (replace(base, **{field.name: value}) for value in values)


SMALL_SK = SK(groups=2, reduction=2, minimum=4)
GATES = [*choices(SE(reduction=4)), *choices(CBAM(reduction=4)), SE(4, norm=True, squeeze="none")]
CONVOLUTIONS = [
    *choices(SMALL_SK),
    *(replace(SMALL_SK, branches=m) for m in (1, 3)),
    replace(SMALL_SK, kernels=(1, 3, 5, 7)),
    replace(SMALL_SK, dilations=(1, 3)),
    replace(SMALL_SK, groups=(1, 4)),
]
SELECTIVE = [spec for spec in CONVOLUTIONS if spec.selection == "softmax"]
every_gate = pytest.mark.parametrize("spec", dict.fromkeys(GATES), ids=repr)
every_gated = pytest.mark.parametrize("spec", dict.fromkeys(GATES + SELECTIVE), ids=repr)
every_spec = pytest.mark.parametrize("spec", dict.fromkeys(GATES + CONVOLUTIONS), ids=repr)


def build(spec):
    return spec(8) if spec.slot == "gate" else spec(8, 8, stride=1)


def image(*shape):
    return torch.randn(shape or (2, 8, 5, 4), dtype=torch.float64)


@every_gate
def test_weights_times_the_map_is_the_output(shake, spec):
    block, x = shake(build(spec)), image()
    assert torch.equal(block(x), x * block.weights(x))


@every_spec
def test_one_image_is_the_same_alone_and_in_a_batch(shake, spec):
    block, x = shake(build(spec)), image()
    torch.testing.assert_close(block(x)[:1], block(x[:1]), rtol=1e-12, atol=1e-12)


@every_spec
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 5)], ids=str)
def test_any_size_of_map_keeps_its_shape(shake, spec, size):
    x = image(1, 8, *size)
    y = shake(build(spec))(x)
    assert y.shape == x.shape
    assert y.isfinite().all()


@every_gated
def test_a_hook_on_gate_sees_the_weights_of_forward_and_of_weights(shake, spec):
    block, x, seen = shake(build(spec)), image(), []
    block.gate.register_forward_hook(lambda module, args, output: seen.append(output))
    weights = block.weights(x)
    block(x)
    assert len(seen) == 2
    for output in seen:
        # SE's gate has a row for every image, or for every position.
        rows = weights.movedim(1, -1) if output.ndim == 2 else weights
        assert torch.equal(output, rows.reshape(output.shape))


@every_spec
def test_gradients_are_those_of_finite_differences(shake, spec):
    block, x = shake(build(spec)), image(2, 8, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(block, x)


@every_spec
def test_every_parameter_gets_a_gradient(shake, spec):
    block = shake(build(spec))
    block(image(8, 8, 5, 4)).square().sum().backward()
    for name, parameter in block.named_parameters():
        # One branch has the weight 1 whatever its logits.
        if getattr(spec, "branches", 2) == 1 and name.startswith(("fc", "bn")):
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@every_spec
def test_channels_last_gives_the_same(shake, spec):
    block, x = shake(build(spec)), image()
    expected = block(x)
    block.to(memory_format=torch.channels_last)
    y = block(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)


@every_gate
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_keeps_the_dtype_of_the_map(spec, dtype):
    x = torch.randn(2, 8, 5, 4, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        block = build(spec)
        assert block(x).dtype == dtype
        assert block.weights(x).dtype == dtype


@every_spec
def test_autocast_is_near_full_precision(shake, spec):
    block, x = shake(build(spec)).float(), torch.randn(2, 8, 5, 4)
    expected = block(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)
    assert (y.float() - expected).abs().max() < 0.1 * expected.abs().max()


@every_spec
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))], ids=["copy", "pickle"])
def test_copies_compute_the_same(shake, spec, duplicate):
    block, x = shake(build(spec)), image()
    assert torch.equal(duplicate(block)(x), block(x))


@every_spec
def test_compiles_as_one_graph(shake, spec):
    block, x = shake(build(spec)), image()
    torch._dynamo.reset()
    compiled = torch.compile(block, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), block(x))


@every_spec
def test_exports_for_any_batch_and_size(shake, spec):
    block, x = shake(build(spec)), image()
    auto = torch.export.Dim.AUTO
    program = torch.export.export(block, (x,), dynamic_shapes=({0: auto, 2: auto, 3: auto},))
    other = image(3, 8, 7, 6)
    torch.testing.assert_close(program.module()(other), block(other), rtol=1e-12, atol=1e-12)
