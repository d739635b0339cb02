"""Models and requests that insertion must refuse in words, or carry out like any other."""

import copy

import pytest
import torch
from own import FlowUnit, OptionA
from tiny import SHAPE, tiny
from torch import Tensor, nn

from catalogue_of_blocks import CONVOLUTIONS, each
from senet import SE
from senet.errors import UsageError
from senet.insertion import blocks, insert, places, remove

SPEC = SE(reduction=4)
BATCH = (2, 4, 8, 8)


def conv(before=4, after=4, kernel=3, **more):
    return nn.Conv2d(before, after, kernel, padding=kernel // 2, **more)


class Calls(nn.Module):
    """Its forward is a function of its modules."""

    def __init__(self, forward, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.call = forward

    def forward(self, *args, **named):
        return self.call(self, *args, **named)


def hooks(model):
    return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]


def refused(model, *, match, example=BATCH, **options):
    """Return the error, after which the model is as before."""
    before = hooks(model)
    with pytest.raises(UsageError, match=match) as caught:
        insert(model, SPEC, example=example, **options)
    assert hooks(model) == before
    assert caught.value.do
    return str(caught.value)


def preserves(model, x, **options):
    """Check that a block goes in, runs, changes nothing, and comes out."""
    new = insert(model, SPEC, init="preserve", example=x, **options)
    assert blocks(new)
    args = x if type(x) is tuple else (x,)
    expected, got = copy.deepcopy(model).eval()(*args), copy.deepcopy(new).eval()(*args)
    keys = expected if isinstance(expected, dict) else range(len(expected))
    pairs = [(expected[k], got[k]) for k in keys]
    assert all(torch.equal(a, b) for a, b in pairs)
    assert list(remove(new).state_dict()) == list(model.state_dict())
    return new


def test_a_glob_without_a_match_lists_the_places_and_their_channels():
    message = refused(tiny(), match="matches no module", example=SHAPE, where="layer*.bn9")
    assert "stage1.0.bn3 (16 channels)" in message
    assert "stage2.1.bn3 (32 channels)" in message


def test_a_misspelt_strategy_is_answered_with_the_nearest():
    assert "standard" in refused(tiny(), match="no strategy", example=SHAPE, where="standart")


def test_a_stage_that_is_not_there_is_answered_with_those_that_are():
    assert "2, 3" in refused(tiny(), match="no place in stage 7", example=SHAPE, stages=[7])


@each(CONVOLUTIONS)
def test_what_replaces_a_convolution_refuses_an_even_one(spec):
    model = nn.Sequential(nn.Conv2d(4, 4, 2, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 2), nn.ReLU())
    with pytest.raises(UsageError, match="3x3"):
        insert(model, spec, example=BATCH)


def test_a_gate_does_not_mind_an_even_convolution():
    preserves(nn.Sequential(nn.Conv2d(4, 4, 2, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 2)), torch.randn(BATCH))


def test_a_module_that_runs_twice_carries_no_block():
    shared = conv()
    model = Calls(lambda m, x: m.b(torch.relu(m.a(x))), a=shared, b=shared)
    assert "2 times" in refused(model, match="cannot carry a block", where="a")
    assert "a" not in {place.name for place in places(model, BATCH)}
    refused(model, match="no module to attach a block to")


def test_a_module_under_two_names_that_runs_once_carries_one_block():
    norm = nn.BatchNorm2d(4)
    model = Calls(lambda m, x: torch.relu(m.norm(m.conv(x))), conv=conv(), norm=norm, alias=norm)
    assert len(blocks(preserves(model, torch.randn(BATCH), where="norm"))) == 1


def test_a_unit_that_runs_twice_carries_no_block_either():
    unit = FlowUnit(4)
    refused(nn.Sequential(unit, unit), match="have no module to attach a block to")


def test_a_module_that_returns_a_tuple_is_named():
    split = Calls(lambda m, x: (m.conv(x), x), conv=conv())
    model = Calls(lambda m, x: torch.add(*m.split(x)), split=split)
    assert "returns a tuple" in refused(model, match="cannot carry", where="split")
    preserves(model, torch.randn(BATCH), where="split.conv")
    preserves(model, torch.randn(BATCH))


def test_a_map_of_another_rank_is_named():
    model = nn.Sequential(conv(), nn.Flatten(), nn.Linear(4 * 64, 3))
    assert "(2, 3)" in refused(model, match="cannot carry", where="2")


def test_lazy_layers_must_have_run():
    model = nn.Sequential(nn.LazyConv2d(4, 3, padding=1), nn.ReLU())
    assert "0.weight" in refused(model, match="lazy layer")
    model(torch.randn(BATCH))
    preserves(model, torch.randn(BATCH))


def test_several_inputs_are_a_tuple_or_keywords():
    model = Calls(lambda m, x, y: x + m.b(torch.relu(m.a(x * y))), a=conv(), b=conv())
    assert "tuple" in refused(model, match="does not run on this example")
    x, y = torch.randn(2, *BATCH)
    preserves(model, (x, y))
    named = insert(model, SPEC, init="preserve", example={"x": x, "y": y})
    assert torch.equal(named.eval()(x, y), model.eval()(x, y))


def test_control_flow_on_values_is_no_obstacle():
    model = nn.Sequential(conv(3), FlowUnit(4), FlowUnit(4))
    with pytest.raises(torch.fx.proxy.TraceError):
        torch.fx.symbolic_trace(model)
    x = torch.randn(2, 3, 8, 8)
    assert sorted(blocks(preserves(model, x))) == ["1.conv2_attention", "2.conv2_attention"]


def test_a_module_that_loops_over_its_children_is_not_given_another():
    class Chain(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            for child in self:
                x = x + child(x)
            return x

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = conv(), conv()

        def forward(self, x: Tensor) -> Tensor:
            for child in self.children():
                x = child(x)
            return x

    x = torch.randn(BATCH)
    assert sorted(blocks(preserves(Chain(conv(), conv()), x))) == ["0_attention", "1_attention"]
    assert sorted(blocks(preserves(nn.Sequential(Chain(conv(), conv())), x, where="0.1"))) == ["0.1_attention"]
    model = Calls(lambda m, x: m.loop(x), loop=Loop())
    assert sorted(blocks(preserves(model, x, where="loop"))) == ["loop.attention"]
    assert sorted(blocks(preserves(model, x, where="loop.a"))) == ["loop.a_attention"]


def test_a_functional_model_has_no_place():
    model = Calls(lambda m, x: torch.relu(nn.functional.conv2d(x, m.weight, padding=1)))
    model.weight = nn.Parameter(torch.randn(4, 4, 3, 3))
    inner = Calls(lambda m, x: (x + m.f(x)[0],), f=Calls(lambda m, x: (nn.functional.conv2d(x, m.w, padding=1),)))
    inner.f.w = model.weight
    refused(inner, match="no module to attach a block to")
    refused(nn.Linear(8, 8), match="no unit with such a place")


def test_a_model_that_returns_a_dict_is_one_like_others():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.ReLU())
            self.head = conv(4, 4, 1)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            features = self.body(x)
            return {"features": features, "out": self.head(features)}

    preserves(Heads(), torch.randn(BATCH))


@pytest.mark.parametrize("example", [(0, 3, 12, 12), (2, 3, 0, 12), "image", (), None, 3.0])
def test_an_example_that_is_none_is_refused(example):
    refused(tiny(), match="empty axis|is no input", example=example)


@pytest.mark.parametrize("example", [(2, 5, 12, 12), (3, 12, 12, 1, 1), torch.zeros(1, 3, dtype=torch.long)])
def test_an_example_that_the_model_does_not_take_is_answered_with_its_own_words(example):
    refused(tiny(), match="does not run on this example", example=example)


def test_maps_of_one_position_hide_no_unit():
    x = torch.randn(2, 3, 1, 1)
    assert [place.name for place in places(tiny(), x)] == [place.name for place in places(tiny(), SHAPE)]
    preserves(tiny(), x)


def test_an_empty_batch_runs_through_a_block():
    model = insert(tiny(), SPEC, example=SHAPE).eval()
    assert model(torch.randn(0, 3, 12, 12)).shape == (0, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_block_has_the_precision_of_its_model(dtype):
    new = preserves(tiny().to(dtype), torch.randn(2, 3, 12, 12, dtype=dtype))
    assert {p.dtype for p in new.parameters()} == {dtype}
    assert new.eval()(torch.randn(2, 3, 12, 12, dtype=dtype)).dtype == dtype


def test_channels_last_stays_channels_last():
    new = preserves(tiny().to(memory_format=torch.channels_last), torch.randn(2, 3, 12, 12))
    seen = []
    new.stage2.register_forward_hook(lambda m, args, out: seen.append(out))
    new.eval()(torch.randn(2, 3, 12, 12).to(memory_format=torch.channels_last))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in new.parameters() if w.ndim == 4)


def test_a_forward_that_raises_leaves_nothing_behind():
    model = tiny()
    model.stage2.register_forward_hook(lambda m, args, out: 1 / 0)
    training, state = [m.training for m in model.modules()], torch.get_rng_state()
    assert "ZeroDivisionError" in refused(model, match="Tiny does not run on this example", example=SHAPE)
    assert [m.training for m in model.modules()] == training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_users_hooks_stay_and_run_once():
    model, seen = tiny(), []
    model.stage1[0].bn3.register_forward_hook(lambda m, args, out: seen.append("bn3") or out * 2)
    model.stage1[0].register_forward_pre_hook(lambda m, args: seen.append("unit"))
    x = torch.randn(2, 3, 12, 12)
    new = insert(model, SPEC, init="preserve", example=SHAPE)
    seen.clear()
    assert torch.equal(new.eval()(x), model.eval()(x))
    assert seen == ["unit", "bn3"] * 2
    assert hooks(remove(new)) == hooks(model)


def test_the_last_unit_of_a_detector_is_found_through_its_list_of_images():
    images = [torch.rand(4, 8, 8), torch.rand(4, 8, 8)]
    model = Calls(lambda m, images: {"out": m.unit(torch.stack(images))}, unit=OptionA(4, 4, 1))
    new = insert(model, SPEC, init="preserve", example=(images,))
    assert torch.equal(new.eval()(images)["out"], model.eval()(images)["out"])
