# Specs as text and JSON, and what hostile text gets: an error for users, never an evaluation.

import json
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields, replace
from functools import partial
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from catalogue_of_blocks import BY_KIND, OWN, VARIANTS, each
from senet.attention import CBAM, SE, SK, SPECS, from_dict, parse, to_dict
from senet.attention.spec import presets
from senet.errors import UsageError


def values(hint):
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(values, get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    numbers = {bool: st.booleans(), int: st.integers(1, 10**6), float: st.floats(1e-6, 10.0)}
    return {**numbers, type(None): st.none()}[hint]


def drawn(kind, without=()):
    hints = get_type_hints(kind)
    return st.fixed_dictionaries({f.name: values(hints[f.name]) for f in fields(kind) if f.name not in without})


def made(kind, values):
    """Return a spec with those of the values that it does not refuse for what no type says, such as an even k."""
    spec = kind()
    for name, value in values.items():
        with suppress(UsageError):
            spec = replace(spec, **{name: value})
    return spec


@st.composite
def selective_kernels(draw):
    number = draw(st.integers(1, 5))
    sizes = st.lists(st.sampled_from([1, 3, 5, 7]), min_size=number, max_size=number).map(tuple)
    kernels = draw(st.none() | sizes)
    dilations = draw(st.none() | st.lists(st.integers(1, 9), min_size=number, max_size=number).map(tuple))
    branches = number if kernels is None and dilations is None else draw(st.sampled_from([2, number]))
    hidden = draw(st.lists(st.tuples(st.integers(1, 2048), st.integers(1, 128)), max_size=2).map(tuple))
    count = number if kernels or dilations else branches
    several = st.lists(st.integers(1, 64), min_size=count, max_size=count).map(tuple)
    groups = draw(st.integers(1, 64) | st.just("depthwise") | several)
    rest = draw(drawn(SK, without=("branches", "groups", "kernels", "dilations", "hidden")))
    return SK(branches=branches, groups=groups, kernels=kernels, dilations=dilations, hidden=hidden, **rest)


# The fields of SK bind one another too closely to draw each by itself.
STRATEGIES = {kind: drawn(kind).map(partial(made, kind)) for kind in SPECS.values()} | {SK: selective_kernels()}
any_spec = st.one_of(*STRATEGIES.values(), st.none())


@settings(deadline=None)
@given(any_spec)
def test_every_spec_survives_json(spec):
    assert from_dict(json.loads(json.dumps(to_dict(spec)))) == spec


@settings(deadline=None)
@given(any_spec)
def test_every_spec_is_read_from_what_it_prints(spec):
    assert parse(repr(spec)) == spec


@each((*VARIANTS, OWN))
def test_every_choice_survives_text_and_json(spec):
    assert parse(repr(spec)) == spec
    assert from_dict(json.loads(json.dumps(to_dict(spec)))) == spec


@pytest.mark.parametrize("kind", SPECS.values(), ids=SPECS)
def test_every_preset_is_read_and_is_a_spec_of_its_kind(kind):
    for preset in presets(kind):
        spec = getattr(kind, preset)()
        assert type(spec) is kind
        assert parse(f"{kind.__name__}.{preset}()") == parse(f"{kind.__name__}.{preset}") == spec


@pytest.mark.parametrize("kind", SPECS.values(), ids=SPECS)
def test_every_field_is_varied_by_what_is_drawn_or_by_the_catalogue(kind):
    default, varied = kind(), set()

    @settings(derandomize=True, phases=[Phase.generate], deadline=None)
    @given(STRATEGIES[kind])
    def note_drawn(spec):
        note(spec)

    def note(spec):
        varied.update(f.name for f in fields(kind) if getattr(spec, f.name) != getattr(default, f.name))

    note_drawn()
    for spec in BY_KIND[kind].variants:
        note(spec)
    assert varied == {field.name for field in fields(kind)}


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("SE", SE()),
        (" SE() ", SE()),
        ("SE.timm", SE.timm()),
        ("SE.paper(reduction=8)", SE(reduction=8, bias=False)),
        ("SE(squeeze='max', norm=True)", SE(squeeze="max", norm=True)),
        ('CBAM(order="parallel")', CBAM(order="parallel")),
        ("SK(kernels=(3, 5))", SK(kernels=(3, 5))),
        ("SK(kernels=[3, 5])", SK(kernels=(3, 5))),
        ("SK(hidden=[[256, 16]])", SK(hidden=((256, 16),))),
        ("none", None),
        ("None", None),
    ],
)
def test_text_of_a_spec(text, spec):
    assert parse(text) == spec


def test_dict_of_a_spec_holds_its_kind_and_fields():
    assert to_dict(CBAM(reduction=8)) == {
        "kind": "CBAM", "reduction": 8, "kernel_size": 7,
        "order": "channel-spatial", "channel": "both", "spatial": "pool",
    }  # fmt: skip
    assert from_dict({"kind": "SE", "reduction": 8}) == SE(reduction=8)
    assert to_dict(None) is from_dict(None) is None


def test_specs_are_values():
    assert {SE(), SE(reduction=16), SE.caffe()} == {SE()}
    assert SE() != CBAM()
    with pytest.raises(FrozenInstanceError):
        SE().reduction = 8


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("CBMA(reduction=16)", "did you mean CBAM?"),
        ("squeeze(reduction=16)", f"known: {', '.join(SPECS)}, none"),
        ("XYZ()", f"known: {', '.join(SPECS)}, none"),
        ("SE(reductoin=8)", "did you mean reduction?"),
        ("SE(squeeze='average')", "did you mean avg?"),
        ("SE(squeeze='gap')", "known: avg, max, none"),
        ("SE(gate='hardsigmoid')", "did you mean hard_sigmoid, sigmoid?"),
        ("SE.tim()", "did you mean timm?"),
        ("SE.torchvison(reduction=4)", "did you mean torchvision?"),
        ("SE.timm(width='floor')", "known: reduction"),
    ],
)
def test_a_misspelling_is_told_the_nearest_name(text, hint):
    with pytest.raises(UsageError) as error:
        parse(text)
    assert error.value.do == hint


HOSTILE = [
    "", " ", "()", "SE(", "SE)", "SE;CBAM", "SE()\nCBAM()", "SE()()", "[SE()]", "SE() or CBAM()", "lambda: SE()",
    "own_gate:OwnGate(k=3)(k=5)",
    "\0", "\ud800", "SE(8)", "SE(*[8])", "SE(**{})", "SE(**{'reduction': 8})", "SE(reduction=8, **{})",
    "SE(reduction=8, reduction=4)", "SE(reduction=8, self=4)",
    "__import__('os').system('touch hacked')", "SE(reduction=__import__('os').system('touch hacked'))",
    "SE(reduction=open('hacked', 'w'))", "eval('SE()')", "SE(reduction=eval('8'))", "SE(reduction=[8 for _ in 'a'])",
    "SE.__class__", "SE.__init__.__globals__", "SE.__call__(channels=8)", "SE.hidden(channels=8)", "SE.slot",
    "SE.timm.__func__()", "SE(reduction=SE.timm)", "SE(reduction=(lambda: 8)())", "SE(reduction=f'{8}')",
    "SE(reduction=8 if 1 else 4)", "SE(reduction=2**99**99)", "SE(reduction=4*4)", "SE(reduction=(x:=8))",
    "SE(reduction=8.0)", "SE(reduction='8')", "SE(reduction=True)", "SE(reduction=None)", "SE(reduction=1e999)",
    "SE(reduction=[8])", "SE(reduction={8: 8})", "SE(reduction={[]: 8})", "SE(reduction=...)",
    "SE(bias=1)", "SE(squeeze=['avg'])", "SE(squeeze=b'avg')",
    "SK(kernels=3)", "SK(kernels=(3, '5'))", "SK(kernels=((3, 1), (3, 2)))", "SK(kernels='35')", "SK(kernels={3, 5})",
    "SK(hidden=((256,),))", "SK(hidden=((256, 0),))", "SK(hidden=((), ()))", "SK(hidden=(256, 16))", "SK(hidden=256)",
    "(" * 240 + ")" * 240, "SE(reduction=" + "(" * 240 + ")" * 240 + ")", "SE(reduction=" + "[" * 90 + "]" * 90 + ")",
    "SE(reduction=" + "-" * 480 + "8)", "SE(reduction=" + "not " * 120 + "8)", "SE" + ".timm" * 95, "SE" + "()" * 240,
    "SE(reduction=8)" + " " * 10**6, "SE(reduction=" + "9" * 10**6 + ")", "a" * 10**6, "(" * 10**6,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_hostile_text_is_refused_and_never_evaluated(text, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        parse(text)
    assert len(str(error.value)) < 2000
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "data",
    [
        {}, {"kind": None}, {"kind": "se"}, {"kind": "dict"}, {"kind": ["SE"]}, {"reduction": 8},
        {"kind": "SE", "reduction": "8"}, {"kind": "SE", "reduction": 8.0}, {"kind": "SE", "slot": "gate"},
        {"kind": "SE", "channels": 8}, {"kind": "SK", "kernels": [[3, 1]]}, {"kind": "SE", "self": 8},
    ],
    ids=str,
)  # fmt: skip
def test_dicts_that_are_no_spec_are_refused(data):
    with pytest.raises(UsageError):
        from_dict(data)
