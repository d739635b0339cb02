"""Places, and what insertion promises, on the catalogue's networks."""

import copy
import re
import runpy
from pathlib import Path
from typing import get_args

import pytest
import torch
from catalogue import FAST, KINDS, ROWS, selective
from torch import Tensor, nn

from senet import SE
from senet.errors import UsageError
from senet.insertion import insert, places, remove
from senet.insertion.places.place import STRATEGIES
from senet.insertion.places.survey import survey
from senet.insertion.places.units import Kind

SPEC = SE(reduction=4)


def marks(row):
    """Keep a network's tests in one process, which builds it once."""
    return [pytest.mark.xdist_group(row.source), *([] if row.source in FAST else [pytest.mark.slow])]


NETWORKS = [pytest.param(row, id=row.source, marks=marks(row)) for row in ROWS]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "insertion-networks.md").read_text(encoding="utf-8")
GENERATOR = runpy.run_path(str(ROOT / "benchmarks" / "insertion_networks.py"))


class Subject:
    """A network, what it computes, and what it is like before anything is done to it."""

    def __init__(self, row):
        self.row, self.model = row, row.build()
        self.example = torch.randn(row.example)
        self.survey = survey(self.model, self.example)
        self.evaluated = evaluated(copy.deepcopy(self.model), self.example)
        self.trained, self.buffers = trained(copy.deepcopy(self.model), self.example)

    def insert(self, where, spec=SPEC, init="preserve"):
        return insert(self.model, spec, where=where, init=init, example=self.example, again=self.row.attends)


@pytest.fixture(scope="module", params=NETWORKS)
def subject(request):
    return Subject(request.param)


def first(output):
    """Return the tensors of whatever a model returns."""
    if isinstance(output, Tensor):
        return [output]
    return [tensor for value in (output.values() if isinstance(output, dict) else output) for tensor in first(value)]


def evaluated(model, x):
    with torch.no_grad():
        return first(model.eval()(x))


def trained(model, x):
    """Return outputs and buffers of one pass in train mode; dropout draws the same each time."""
    torch.manual_seed(1)
    with torch.no_grad():
        return first(model.train()(x)), dict(model.named_buffers())


def equal(these, those):
    return len(these) == len(those) and all(map(torch.equal, these, those))


def owner(name, units):
    """Return the unit that a module is or is in."""
    return next((unit for unit in units if f"{name}.".startswith(f"{unit}.")), None)


def named(places, kind, strategy="standard"):
    return [place for place in places if place.kind == kind and place.strategy == strategy]


def test_the_catalogue_is_as_large_as_promised():
    assert len({row.source for row in ROWS}) == len(ROWS) >= 64
    assert {row.source for row in ROWS} >= FAST
    assert get_args(Kind) == tuple(sorted(KINDS, key=get_args(Kind).index))


def test_the_units_are_those_of_the_architecture(subject):
    row, found = subject.row, subject.survey.places
    counts = {kind: max(len(named(found, kind, s)) for s in STRATEGIES) for kind in KINDS}
    others = {kind: n for kind, n in counts.items() if n and (kind != "conv" or row.conv)}
    assert others == row.units


def test_the_page_says_what_is_found(subject):
    if not subject.row.source.startswith("own:"):
        line = GENERATOR["line"](subject.row, subject.model, subject.survey)
        assert line in PAGE, "run: python benchmarks/insertion_networks.py"


def test_each_residual_unit_of_the_library_has_exactly_one_place(subject):
    units = subject.row.residual_units(subject.model) if subject.row.residual else set()
    for strategy in set(STRATEGIES) - subject.row.lacks:
        found = [owner(place.name, units) for place in named(subject.survey.places, "residual", strategy)]
        assert len(found) == len(units)
        assert strategy in subject.row.outside or sorted(found, key=str) == sorted(units)


def test_separable_units_are_the_depthwise_convolutions_outside_of_residual_units(subject):
    inside = subject.row.residual_units(subject.model) | {
        name
        for name, m in subject.model.named_modules()
        if type(m).__name__ in subject.row.blocks and subject.row.concat
    }
    depthwise = {
        name
        for name, m in subject.model.named_modules()
        if isinstance(m, nn.Conv2d) and 1 < m.groups == m.in_channels and owner(name, inside) is None
    }
    found = named(subject.survey.places, "separable", "conv3x3")
    if subject.row.separable:
        assert {place.kernel.module for place in found} == depthwise
        assert len(found) == len(depthwise)


def test_the_stages_count_the_units_of_the_architecture(subject):
    if len(subject.row.residual) > 1:
        found = named(subject.survey.places, "residual")
        counts = [sum(place.stage == 2 + i for place in found) for i in range(len(subject.row.residual))]
        assert counts == list(subject.row.residual)


def test_attention_of_its_own_is_seen_and_refused(subject):
    assert bool(subject.survey.attention) == subject.row.attends
    if subject.row.attends:
        with pytest.raises(UsageError, match="has attention already"):
            insert(subject.model, SPEC, where=strategies(subject)[0], example=subject.example)


def strategies(subject):
    """Return where blocks may go: the strategies that it has places for, or else a module by name."""
    found = [s for s in STRATEGIES if s not in subject.row.lacks]
    return found or ["0"]  # own:hardnet: every strategy is refused, its first convolution takes a block


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_preserves_or_says_why_it_cannot(subject, strategy):
    if strategy in subject.row.lacks:
        with pytest.raises(UsageError, match=f"where='{strategy}'"):
            subject.insert(strategy)
        return
    model = subject.insert(strategy)
    assert all(map(torch.isfinite, map(torch.sum, subject.evaluated)))
    assert equal(evaluated(model, subject.example), subject.evaluated)
    outputs, buffers = trained(model, subject.example)
    assert equal(outputs, subject.trained)
    assert all(torch.equal(buffers[name], buffer) for name, buffer in subject.buffers.items())


def test_a_selective_kernel_takes_the_place_of_a_3x3_or_says_why_it_cannot(subject):
    spec = selective(subject.survey.places)
    if not subject.row.sk:
        with pytest.raises(UsageError, match=r"replaces a 3x3 convolution|where='conv3x3'"):
            subject.insert("standard", spec, init="paper")
        return
    model = subject.insert("standard", spec, init="paper")
    outputs = evaluated(model, subject.example)
    assert [t.shape for t in outputs] == [t.shape for t in subject.evaluated]
    assert not equal(outputs, subject.evaluated)
    assert equal(evaluated(remove(model), subject.example), subject.evaluated)


def test_insertion_adds_and_removal_takes_away_and_nothing_else_changes(subject):
    model = subject.model
    frozen = next(iter(model.parameters())).requires_grad_(False)
    next(iter(model.children())).train(not model.training)
    modes = [m.training for m in model.modules()]
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    new = subject.insert(strategies(subject)[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert isinstance(new, type(model))
    assert type(new).__name__ == type(model).__name__
    assert same(model, before)
    assert [m.training for m in model.modules()] == modes
    kept = {name: value for name, value in new.state_dict().items() if name in before}
    assert list(kept) == list(before)
    assert all(torch.equal(kept[name], value) for name, value in before.items())
    assert [new.get_submodule(name).training for name, _ in model.named_modules()] == modes
    assert [n for n, p in new.named_parameters() if not p.requires_grad] == [next(iter(dict(model.named_parameters())))]
    restored = remove(new)
    assert same(restored, before)
    assert [m.training for m in restored.modules()] == modes
    assert equal(evaluated(restored, subject.example), subject.evaluated)
    frozen.requires_grad_(True)
    model.train()


def same(model, other):
    """Whether a model has this state, key by key in this order."""
    mine, theirs = model.state_dict(), other if isinstance(other, dict) else other.state_dict()
    return list(mine) == list(theirs) and equal(list(mine.values()), list(theirs.values()))


def test_every_parameter_of_every_gate_moves_within_two_steps(subject):
    model = subject.insert(strategies(subject)[0]).train()
    blocks = {name: model.get_submodule(name) for name in added(model, subject.model)}
    seen = {name: Watch(block) for name, block in blocks.items()}
    moved = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in parameters_of(blocks)}
    for _ in range(2):
        descend(model, blocks, subject.example)
        for name, parameter in parameters_of(blocks):
            moved[name] |= parameter.grad != 0
    for name, watch in seen.items():
        assert moved[f"{name}.fc2.bias"][watch.channels[0].any(0)].all(), name
        assert moved[f"{name}.fc2.weight"][watch.reached()].all(), name
        assert moved[f"{name}.fc1.bias"][watch.units_on()].all(), name
        assert moved[f"{name}.fc1.weight"][watch.units_on()].any(1).all(), name
    assert sum(bool(watch.reached().float().mean() > 0.3) for watch in seen.values()) >= len(seen) / 2
    assert sum(bool(watch.units_on().any()) for watch in seen.values()) >= len(seen) / 2


class Watch:
    """Notes, at each pass, which hidden units are on, (B, H), and which channels carry signal both ways, (B, C).

    A channel that is zero, or that a ReLU after it switches off, moves no gate of any kind.
    """

    def __init__(self, block):
        self.units, self.channels = [], []
        block.activation.register_forward_hook(lambda _, args, out: self.units.append((out > 0).detach()))
        block.register_forward_hook(self.follow)

    def reached(self):
        """Which weights from a hidden unit to a channel the first step must move, (C, H)."""
        return self.channels[0].float().T @ self.units[0].float() > 0

    def units_on(self):
        """Which hidden units must have moved after the second step."""
        return (self.units[0] & self.units[1] & (self.channels[0] & self.channels[1]).any(1, keepdim=True)).any(0)

    def follow(self, block, args, out):
        u = args[0].detach()
        out.register_hook(lambda grad: self.channels.append(((u != 0) & (grad != 0)).flatten(2).any(2)))


def added(model, old):
    """Name the blocks: modules with weights(x) that the old model does not have."""
    known = dict(old.named_modules())
    return [name for name, m in model.named_modules() if name not in known and hasattr(m, "weights")]


def parameters_of(blocks):
    return [(f"{name}.{key}", p) for name, block in blocks.items() for key, p in block.named_parameters()]


def descend(model, blocks, x):
    """Take a step whose size moves each gate by something near a tenth."""
    model.zero_grad()
    torch.manual_seed(1)
    sum((out * torch.randn_like(out)).mean() for out in first(model(x))).backward()
    with torch.no_grad():
        for _, parameter in parameters_of(blocks):
            parameter -= 0.1 * parameter.grad / parameter.grad.abs().max().clamp(min=1e-30)


def test_maps_of_one_position_hide_no_unit(subject):
    row = subject.row
    assert row.small < row.size
    small = places(subject.model, (2, 3, row.small, row.small))
    assert [place.name for place in small] == [place.name for place in subject.survey.places]


def test_places_are_found_the_same_in_any_mode_and_again(subject):
    again = places(copy.deepcopy(subject.model).eval(), subject.example)
    assert again == list(subject.survey.places)


def test_a_refusal_fits_in_three_lines_and_says_what_to_do(subject):
    for strategy in subject.row.lacks:
        with pytest.raises(UsageError) as caught:
            subject.insert(strategy)
        assert caught.value.do
        assert not re.search(r"<|object at|None", str(caught.value))
        assert len(str(caught.value).splitlines()) <= 3
