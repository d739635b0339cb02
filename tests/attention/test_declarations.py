# What is forgotten is found: at import for a public spec, where a block is built for any.

import pkgutil
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

import senet.attention
from senet import SE, create, insert
from senet.accounting import cost
from senet.attention import SPECS, Effect, build_convolution, build_gate, has_gate, is_attention, registry, spec_names
from senet.attention.spec import check_declarations, check_fields, hidden_fields, spec_repr
from senet.errors import UsageError


class Block(nn.Module):
    """Keeps to the contract; what a test leaves out of it is deleted."""

    effect = Effect.MULTIPLIES

    def __init__(self, channels):
        nn.Module.__init__(self)  # copied into other classes
        self.fc, self.gate = nn.Linear(channels, channels), nn.Sigmoid()

    def forward(self, x):
        return x * self.weights(x)

    def weights(self, x):
        return self.gate(self.fc(x.mean((2, 3))))[..., None, None]


@dataclass(frozen=True)
class Spec:
    slot: ClassVar[str] = "gate"
    shown: ClassVar[tuple[str, ...]] = ("hidden",)

    block: type = Block
    hidden: int = 4
    scale: int = 1

    def __call__(self, channels, out_channels=None, *, stride=1):
        return self.block(channels)


def without(name, **changed):
    """A block's class that lacks a name, or has another value there."""
    kept = {key: value for key, value in vars(Block).items() if key not in (name, "__dict__", "__weakref__")}
    return type("Forgetful", (nn.Module,), kept | changed)


class Gateless(Block):
    def __init__(self, channels):
        super().__init__(channels)
        del self.gate


class Function(Block):
    def __init__(self, channels):
        super().__init__(channels)
        del self.gate
        self.gate = torch.sigmoid


class Replacing(Block):
    effect = Effect.REPLACES
    convolutions = ("branches",)
    surrounds = None


@pytest.mark.parametrize(
    ("block", "slot", "words"),
    [
        (without("effect"), "gate", "declares no effect"),
        (without("effect", effect="multiplies"), "gate", "declares no effect"),
        (without("weights"), "gate", "which multiplies, has no weights"),
        (without("effect", effect=Effect.ADDS), "gate", "which adds, has no term"),
        (without("effect", effect=Effect.REPLACES), "convolution", "has no convolutions and no surrounds"),
        (Gateless, "gate", "has no gate"),
        (Function, "gate", "not a torch.nn.Module"),
        (Replacing, "convolution", "has no part 'branches'"),
        (Block, "convolution", "slot='convolution', but its Block multiplies"),
        (lambda channels: torch.sigmoid, "gate", "not a torch.nn.Module"),
    ],
)
def test_a_block_that_declares_too_little_is_refused_where_it_is_built(block, slot, words):
    spec = Spec(block)
    object.__setattr__(spec, "slot", slot)
    with pytest.raises(UsageError, match=words) as error:
        build_gate(spec, 8) if slot == "gate" else build_convolution(spec, 8, 8, 1)
    assert error.value.do


def test_networks_and_insertion_refuse_it_too():
    for put in (
        lambda s: create("resnet8", attention=s),
        lambda s: insert(create("resnet8"), s, example=(1, 3, 32, 32)),
    ):
        with pytest.raises(UsageError, match="declares no effect"):
            put(Spec(without("effect")))


def frozen(**changed):
    said = {"__annotations__": {"r": int}, "r": 1, "__repr__": spec_repr, "__post_init__": check_fields, **changed}
    return dataclass(frozen=True)(type("Public", (), said))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (dataclass(type("Loose", (), {"slot": "gate", "shown": ()})), "no frozen dataclass"),
        (frozen(shown=()), "slot is neither"),
        (frozen(slot="squeeze", shown=()), "slot is neither"),
        (frozen(slot="gate"), "which fields the shapes"),
        (frozen(slot="gate", shown=("r", "reduction")), "names no field: reduction"),
        (frozen(slot="gate", shown=(), r=field()), "missing 1 required positional argument: 'r'"),
        (frozen(slot="gate", shown=(), __repr__=lambda spec: "Public(r=1)"), "spec_repr is missing"),
        (frozen(slot="gate", shown=(), __post_init__=lambda spec: None), "Public.r is not checked"),
    ],
)
def test_a_public_spec_that_declares_too_little_fails_at_import(kind, words):
    with pytest.raises(TypeError, match=words):
        check_declarations(kind)
    assert check_declarations(frozen(slot="gate", shown=("r",)))


def test_a_line_of_the_table_that_names_no_spec_fails_at_import():
    line = "from senet.attention.squeeze_excite import SE as SE"
    text = Path(registry.__file__).read_text(encoding="utf-8")
    assert line in text
    exec(text, {"__name__": "table"})
    with pytest.raises(TypeError, match="SqueezeExcite is no frozen dataclass"):
        exec(text.replace(line, line.replace("SE as SE", "SqueezeExcite as SqueezeExcite")), {"__name__": "table"})


def test_every_spec_that_has_a_file_is_in_the_table():
    for module in pkgutil.iter_modules(senet.attention.__path__, "senet.attention."):
        for kind in vars(import_module(module.name)).values():
            if isinstance(kind, type) and isinstance(vars(kind).get("slot"), str):
                assert kind in SPECS.values(), f"{kind.__name__}: its line in senet/attention/registry.py is missing"


def test_what_a_spec_does_not_say_is_not_shown():
    assert hidden_fields(Spec()) == {"block": Block, "scale": 1}
    unsaid = frozen(slot="gate")()
    assert hidden_fields(unsaid) == {"r": 1}


def test_a_users_gate_has_a_share_of_the_cost():
    model, plain = create("resnet8", attention=Spec()), create("resnet8", attention=None)
    found = cost(model, (3, 32, 32))
    assert found.attention == found.total - cost(plain, (3, 32, 32)).total
    assert found.attention.parameters == sum(c * c + c for c in (16, 32, 64))


def test_a_module_with_a_gate_alone_is_no_attention():
    plain = nn.Module()
    plain.gate = nn.Sigmoid()
    assert not is_attention(plain)
    with pytest.warns(DeprecationWarning, match="is_attention"):
        assert has_gate(SE(4)(8))


def test_the_specs_are_listed_by_slot():
    gates, convolutions = spec_names("gate").split(", "), spec_names("convolution").split(", ")
    assert "SE()" in gates
    assert "SK()" in convolutions
    assert sorted([*gates, *convolutions]) == spec_names().split(", ") == [f"{name}()" for name in SPECS]
