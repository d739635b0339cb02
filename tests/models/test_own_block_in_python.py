# A block of the user's own in Python: saved, opened again, tried once, and refused where nobody can read it back.

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import own_gate
import senet
from own_gate import OwnGate
from senet.attention import Effect, build_convolution, build_gate, from_dict, parse, to_dict, trusted_code
from senet.errors import UsageError, WeightsError
from senet.models import rebuild, save_inserted, save_weights

EXAMPLE = Path(own_gate.__file__).read_text(encoding="utf-8")
SPEC = "own_gate:OwnGate(k=5)"
SMALL = (1, 3, 32, 32)


@pytest.fixture
def _unnamed(monkeypatch):
    """Nobody has named anything, as in a new process."""
    monkeypatch.setattr(trusted_code, "_trusted", {})


@pytest.fixture
def plain():
    layers = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    return nn.Sequential(*layers)


@pytest.mark.usefixtures("_unnamed")
def test_weights_of_a_network_with_it_open_after_it_is_named(tmp_path, monkeypatch):
    model = senet.create("resnet8", attention=parse(SPEC)).eval()
    save_weights(model, tmp_path / "w.safetensors")
    monkeypatch.setattr(trusted_code, "_trusted", {})
    with pytest.raises(WeightsError) as error:
        senet.load(tmp_path / "w.safetensors")
    assert error.value.what == f"the attention is code, {SPEC}; nothing is imported because a file names it"
    assert error.value.where == str(tmp_path / "w.safetensors")
    assert error.value.do.startswith(f'name it yourself: --attention "{SPEC}" (senet.parse(')
    x = torch.randn(2, 3, 32, 32)
    found = senet.load(tmp_path / "w.safetensors", attention=SPEC).model
    assert found.spec.attention == parse(SPEC)
    torch.testing.assert_close(found(x), model(x))
    torch.testing.assert_close(senet.load(tmp_path / "w.safetensors").model(x), model(x))


@pytest.mark.usefixtures("_unnamed")
def test_a_folder_with_it_inserted_is_rebuilt_after_it_is_named(tmp_path, monkeypatch, plain):
    model = senet.insert(plain, SPEC, where="1", example=SMALL).eval()
    save_inserted(model, tmp_path, source="own.py:net")
    monkeypatch.setattr(trusted_code, "_trusted", {})
    with pytest.raises(WeightsError, match="nothing is imported because a file names it") as error:
        rebuild(tmp_path, factory=lambda: plain)
    assert "senet.parse('own_gate:OwnGate(k=5)') in Python, before" in error.value.do
    parse(SPEC)
    x = torch.randn(SMALL)
    torch.testing.assert_close(rebuild(tmp_path, factory=lambda: plain).eval()(x), model(x))


def test_a_folder_says_with_which_code_it_was_inserted(tmp_path, plain, caplog):
    save_inserted(senet.insert(plain, SPEC, where="1", example=SMALL), tmp_path, source="own.py:net")
    caplog.clear()
    rebuild(tmp_path, factory=lambda: plain)
    assert not caplog.messages
    record = tmp_path / "model.toml"
    record.write_text(record.read_text().replace(parse(SPEC).code, "0" * 64))
    rebuild(tmp_path, factory=lambda: plain)
    assert caplog.messages == [f"attention: the code of {SPEC} is not what the weights were trained with"]


@pytest.mark.usefixtures("_unnamed")
def test_it_is_found_by_the_same_name_in_another_folder_and_not_where_two_are_called_so(tmp_path):
    said = to_dict(parse(SPEC))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own_gate.py").write_text("from own_gate import OwnGate\n")
    trusted_code._trusted.clear()
    first = f"{tmp_path / 'one' / 'own_gate.py'}:OwnGate"
    parse(first)
    assert str(from_dict(said)) == f"{first}(k=5)"
    parse(f"{tmp_path / 'two' / 'own_gate.py'}:OwnGate")
    with pytest.raises(trusted_code.UntrustedCodeError):
        from_dict(said)
    parse(SPEC)
    assert str(from_dict(said)) == SPEC


def test_other_code_than_the_weights_were_trained_with_is_said_and_in_a_trial_refused(caplog):
    said = to_dict(parse(SPEC))
    caplog.clear()
    assert from_dict(said, imports=True) == from_dict(said) == parse(SPEC)
    assert not caplog.messages
    changed = {**said, "code": "0" * 64}
    from_dict(changed)
    assert caplog.messages == [f"attention: the code of {SPEC} is not what the weights were trained with"]
    with pytest.raises(UsageError, match="changed while the study ran"):
        from_dict(changed, imports=True)


@pytest.mark.usefixtures("_unnamed")
def test_code_that_has_changed_since_it_was_imported_is_not_run_under_its_new_name(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text(EXAMPLE)
    parse(f"{path}:OwnGate")
    path.write_text(f"{EXAMPLE}# otherwise\n")
    with pytest.raises(UsageError, match="has changed since it was imported") as error:
        parse(f"{path}:OwnGate")
    assert error.value.where == str(path)


class Many(OwnGate):
    def __init__(self, channels, kernels=(), b=1, a=2, **more):
        super().__init__(channels)


def test_it_is_the_same_however_its_arguments_are_ordered_and_after_json():
    one = parse("test_own_block_in_python:Many(b=1, a='x', kernels=[[1, 2], [3]], deep={'k': [1]})")
    assert one == parse("test_own_block_in_python:Many(kernels=((1, 2), (3,)), a='x', b=1, deep={'k': (1,)})")
    assert from_dict(json.loads(json.dumps(to_dict(one)))) == one == parse(str(one))


@pytest.mark.parametrize("text", ["a={1}", "a=b'x'", "a=1e999", "a=2j", "a={1: 2}", "code=1", "kind='x'"])
def test_arguments_that_no_file_could_say_are_refused(text):
    with pytest.raises(UsageError, match=r"cannot be saved|can be called"):
        parse(f"test_own_block_in_python:Many({text})")


def test_arguments_that_are_nested_without_end_are_refused():
    nested = 1
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(UsageError, match="nested too deep"):
        from_dict({"kind": "test_own_block_in_python:Many", "a": nested})


class Spec:
    """Of the user's own, and not named by its module."""

    slot = "gate"

    def __call__(self, channels):
        return OwnGate(channels)

    def __repr__(self):
        return "Spec()"


def test_a_spec_object_works_and_to_save_it_says_how_it_is_named(plain, tmp_path):
    model = senet.insert(plain, Spec(), where="1", example=SMALL)
    with pytest.raises(UsageError) as error:
        save_inserted(model, tmp_path, source="own.py:net")
    assert error.value.what == "Spec() cannot be read back from text"
    assert 'senet.insert(model, "MODULE.PATH:CLASS(...)")' in error.value.do
    named = senet.insert(plain, "test_own_block_in_python:Spec()", where="1", example=SMALL)
    save_inserted(named, tmp_path, source="own.py:net")
    assert rebuild(tmp_path, factory=lambda: plain).state_dict().keys() == named.state_dict().keys()
    assert senet.create("resnet8", attention=Spec()).spec.attention is not None


class Differs(OwnGate):
    def forward(self, x):
        return x * self.weights(x) + 1


class Hidden(OwnGate):
    """Its term is nothing, until a zero is trained."""

    effect = Effect.ADDS

    def __init__(self, channels):
        super().__init__(channels)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + self.scale * x

    def term(self, x):
        return self.scale * self.weights(x)


class Narrow(OwnGate):
    def forward(self, x):
        return x[:, :, ::2]


class Double(OwnGate):
    def forward(self, x):
        return super().forward(x).double()


class Fails(OwnGate):
    def forward(self, x):
        raise KeyError("mine")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("Differs", r"is not x \* weights\(x\): they differ by 1"),
        ("Hidden", r"is not x \+ term\(x\)"),
        ("Narrow", r"is \(2, 8, 4, 5\) of torch.float32, not \(2, 8, 7, 5\)"),
        ("Double", "of torch.float64, not"),
        ("Fails", "cannot run"),
    ],
)
def test_a_block_that_is_not_what_it_declares_is_refused_in_a_network_and_inserted(kind, what, plain):
    spec = parse(f"test_own_block_in_python:{kind}")
    with pytest.raises(UsageError, match=what):
        build_gate(spec, 8)
    with pytest.raises(UsageError, match=kind):
        senet.create("resnet8", attention=spec)
    with pytest.raises(UsageError, match=what):
        senet.insert(plain, spec, where="1", example=SMALL)


class Strided(nn.Module):
    effect, gate, convolutions, surrounds = Effect.REPLACES, None, ("conv",), None

    def __init__(self, channels, out_channels, padding=1, *, stride):
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, 3, stride, padding)

    def forward(self, x):
        return self.conv(x).relu()


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_in_the_place_of_a_convolution_has_its_shape(stride):
    assert isinstance(build_convolution(parse("test_own_block_in_python:Strided"), 8, 12, stride), Strided)
    with pytest.raises(UsageError, match="its output is"):
        build_convolution(parse("test_own_block_in_python:Strided(padding=0)"), 8, 12, stride)


def test_to_try_a_block_changes_nothing_of_it_and_draws_nothing():
    torch.manual_seed(3)
    expected = OwnGate(24, k=7).state_dict()
    after = torch.get_rng_state()
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        block = build_gate(parse("own_gate:OwnGate(k=7)"), 24)
    assert torch.equal(torch.get_rng_state(), after)
    assert all(torch.equal(value, expected[name]) for name, value in block.state_dict().items())
    assert block.training
