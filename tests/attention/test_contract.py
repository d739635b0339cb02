# What every block promises, for every choice of every public spec and for a user's own.

import copy
import math
import pickle
from dataclasses import replace

import pytest
import torch
from torch import nn

from catalogue_of_blocks import CHANNELS, GATES, OWN, SMALL, VARIANTS, build, each, each_of, row_of, silent_of
from senet.attention import SPECS, Effect, attend, is_attention
from senet.attention.contract import attention_names, kept_convolutions
from senet.networks import initialise

ALL = (*VARIANTS, OWN)
every_spec = each(ALL)
one_of_each = each_of(ALL, (*SMALL, OWN))
every_map_block = each((*GATES, OWN))
every_attention = each(spec for spec in ALL if is_attention(build(spec)))


def image(*shape):
    return torch.randn(shape or (2, CHANNELS, 5, 4), dtype=torch.float64)


@every_map_block
def test_the_output_is_what_the_effect_says(shake, spec):
    block, x = shake(build(spec)), image()
    expected = {Effect.MULTIPLIES: lambda: x * block.weights(x), Effect.ADDS: lambda: x + block.term(x)}[block.effect]()
    torch.testing.assert_close(block(x), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(attend(x, block), expected, rtol=1e-12, atol=1e-12)


@every_spec
def test_initialisation_sets_every_parameter(spec):
    block = build(spec)
    for parameter in block.parameters():
        nn.init.constant_(parameter, math.nan)
    for name, parameter in initialise(block).named_parameters():
        assert parameter.isfinite().all(), f"{name}: set it in reset_gate()"


@every_spec
def test_initialisation_keeps_the_constants_that_a_block_is_built_with(spec):
    """Layers draw anew there: a block that starts one of them otherwise says so in reset_gate(), too."""
    block = build(spec)
    built = copy.deepcopy(block.state_dict())
    for name, parameter in initialise(block).named_parameters():
        if built[name].numel() > 1 and (built[name] == built[name].flatten()[0]).all():
            assert torch.equal(parameter, built[name]), f"{name}: set it in reset_gate()"


@every_spec
def test_one_image_is_the_same_alone_and_in_a_batch(shake, spec):
    block, x = shake(build(spec)), image()
    torch.testing.assert_close(block(x)[:1], block(x[:1]), rtol=1e-12, atol=1e-12)


@every_spec
def test_any_size_of_map_keeps_its_shape(shake, spec):
    block = shake(build(spec))
    for size in ((1, 1), (1, 7), (9, 5)):
        x = image(1, CHANNELS, *size)
        y = block(x)
        assert y.shape == x.shape
        assert y.isfinite().all()


@every_attention
def test_a_hook_on_gate_sees_what_changes_the_map(shake, spec):
    block, x, seen = shake(build(spec)), image(), []
    block.gate.register_forward_hook(lambda module, args, output: seen.append(output))
    change = block.term(x) if block.effect is Effect.ADDS else block.weights(x)
    block(x)
    assert len(seen) == 2
    for output in seen:
        # A gate over (N, C) has a row for every image, or for every position.
        rows = change.movedim(1, -1) if output.ndim == 2 else change
        assert torch.equal(output, rows.reshape(output.shape))


@every_spec
def test_gradients_are_those_of_finite_differences(shake, spec):
    block, x = shake(build(spec)), image(2, CHANNELS, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(block, x)


@every_spec
def test_every_parameter_gets_a_gradient(shake, spec):
    block = shake(build(spec))
    block(image(8, CHANNELS, 5, 4)).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        moved = bool(parameter.grad.abs().max() > 1e-9)
        assert moved != name.endswith(silent_of(spec)), name


@every_spec
def test_channels_last_gives_the_same(shake, spec):
    block, x = shake(build(spec)), image()
    expected = block(x)
    block.to(memory_format=torch.channels_last)
    y = block(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)


@every_map_block
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_keeps_the_dtype_of_the_map(spec, dtype):
    x = torch.randn(2, CHANNELS, 5, 4, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        block = build(spec)
        assert block(x).dtype == dtype


@every_spec
def test_autocast_is_near_full_precision(shake, spec):
    block, x = shake(build(spec)).float(), torch.randn(2, CHANNELS, 5, 4)
    expected = block(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)
    assert (y.float() - expected).abs().max() < 0.1 * expected.abs().max()


@every_spec
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))], ids=["copy", "pickle"])
def test_copies_compute_the_same(shake, spec, duplicate):
    block, x = shake(build(spec)), image()
    assert torch.equal(duplicate(block)(x), block(x))


@one_of_each
def test_compiles_as_one_graph(shake, spec):
    block, x = shake(build(spec)), image()
    torch._dynamo.reset()
    compiled = torch.compile(block, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), block(x), rtol=1e-12, atol=1e-12)


@one_of_each
def test_exports_for_any_batch_and_size(shake, spec):
    block, x = shake(build(spec)), image()
    auto = torch.export.Dim.AUTO
    program = torch.export.export(block, (x,), dynamic_shapes=({0: auto, 2: auto, 3: auto},))
    other = image(3, CHANNELS, 7, 6)
    torch.testing.assert_close(program.module()(other), block(other), rtol=1e-12, atol=1e-12)


@every_spec
def test_every_parameter_is_of_the_block_or_of_the_convolutions_that_it_stands_for(spec):
    block = build(spec)
    attention, outside = attention_names(block), kept_convolutions(block)
    assert bool(attention) == is_attention(block)
    assert (block.effect is Effect.REPLACES) == bool(outside)
    for path in outside:
        assert any(isinstance(m, nn.Conv2d) for m in block.get_submodule(path).modules())


@every_spec
def test_it_starts_as_the_identity_or_says_why_not(spec):
    block, x = build(spec).double(), image()
    assert hasattr(block, "start_as_identity"), "write it; where it cannot, it raises a UsageError with the reason"
    if spec is not OWN and row_of(spec).stays:
        with pytest.raises(ValueError, match=row_of(spec).stays):
            block.start_as_identity()
        return
    block.start_as_identity()
    assert torch.equal(block.eval()(x), x)
    assert torch.equal(block.train()(x), x)
    block(x).square().sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in block.parameters()), "training cannot move it"


@every_map_block
def test_the_input_is_rescaled_where_it_says_so(shake, spec):
    block, x = shake(build(spec)), image()
    if not hasattr(block, "rescale_input"):
        return
    expected = block.weights(x)
    with torch.no_grad():
        block.rescale_input(torch.tensor(3.0, dtype=torch.float64))
    torch.testing.assert_close(block.weights(3 * x), expected, rtol=1e-12, atol=1e-12)


@each(VARIANTS)
def test_shapes_show_the_fields_that_it_says_they_show(shake, spec):
    """Two specs that differ in a shown field have other shapes or names of weights, or compute the same of them."""
    for field in spec.shown:
        others = list(differing(spec, field))
        assert others or spec not in SMALL, f"nothing differs from {spec} in {field}: add a spec to its row"
        for other in others:
            one, two = build(spec), build(other)
            shapes = [{name: value.shape for name, value in block.state_dict().items()} for block in (one, two)]
            if shapes[0] == shapes[1]:
                shake(one)
                two.double().eval().load_state_dict(one.state_dict())
                x = image()
                wrong = f"{other} computes something else of the same shapes: {field} is not shown"
                torch.testing.assert_close(one(x), two(x), rtol=1e-12, atol=1e-12, msg=wrong)


@pytest.mark.parametrize("kind", SPECS.values(), ids=SPECS)
def test_a_spec_prints_no_field_that_has_its_default(kind):
    assert repr(kind()) == f"{kind.__name__}()", "__repr__ = spec_repr, and @dataclass(repr=False)"


def differing(spec, field):
    """Yield specs that differ in one field, as far as they can be built."""
    value = getattr(spec, field)
    others = {bool: (not value,), int: (1, 2, 3, 4, 5, 8)}.get(type(value), ())
    others = (*others, *(getattr(each, field) for each in row_of(spec).variants))
    for other in dict.fromkeys(others):
        if other == value:
            continue
        try:
            changed = replace(spec, **{field: other})
            build(changed)
        except ValueError:
            continue
        yield changed
