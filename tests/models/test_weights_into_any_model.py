import json

import nets
import pytest
import safetensors.torch
import torch

from senet.attention import SE
from senet.errors import WeightsError
from senet.insertion import insert
from senet.models import save_weights
from senet.models.factory.build_model import fill_model
from senet.models.factory.name import read_name
from senet.networks import create
from senet.weights import load_weights
from senet.weights.files.read import read_weights
from shaken import shaken


def trained():
    return shaken(nets.Net()).state_dict()


def plain(path, state):
    torch.save(state, path)


def wrapped(path, state):
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, path)


def compiled(path, state):
    torch.save({f"_orig_mod.{name}": value for name, value in state.items()}, path)


def without_counters(path, state):
    torch.save({name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}, path)


def as_safetensors(path, state):
    safetensors.torch.save_file(state, path)


FORMS = [
    (plain, "w.pth"),
    (wrapped, "w.pt"),
    (compiled, "w.bin"),
    (without_counters, "w.pth"),
    (as_safetensors, "w.safetensors"),
]


@pytest.mark.parametrize(("write", "name"), FORMS)
def test_every_form_of_a_checkpoint_is_loaded_whole(write, name, tmp_path):
    state = trained()
    write(tmp_path / name, state)
    model = nets.Net()
    loaded = load_weights(model, tmp_path / name)
    assert set(loaded.placed) == {key for key in state if not key.endswith("num_batches_tracked")}
    for key, value in model.state_dict().items():
        assert key.endswith("num_batches_tracked") or torch.equal(value, state[key])


def test_a_model_whose_names_begin_like_a_wrappers():
    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nets.Net()

    state, model = trained(), Wrapped()
    load_weights(model, {f"module.{name}": value for name, value in state.items()})
    assert torch.equal(model.module.fc.weight, state["fc.weight"])


def test_values_take_the_models_dtype():
    model = nets.Net()
    load_weights(model, {name: value.double() for name, value in trained().items()})
    assert model.fc.weight.dtype == torch.float32


def test_what_does_not_fit_is_counted_and_listed_and_nothing_is_changed():
    state = trained()
    state["unit1.conv1.wieght"] = state.pop("unit1.conv1.weight")
    state["stem.bias"] = torch.zeros(5)
    state |= {f"extra.{i}": torch.zeros(1) for i in range(7)}
    model = nets.Net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_weights(model, state)
    assert caught.value.exit_code == 4
    assert caught.value.what.splitlines() == [
        "the weights do not fit: 1 missing, 8 unexpected, 1 mis-shaped of 24 tensors",
        "  missing: unit1.conv1.weight (16, 16, 3, 3); nearest in the file: unit1.conv1.wieght",
        "  unexpected: unit1.conv1.wieght (16, 16, 3, 3); nearest in the network: unit1.conv1.weight",
        *(f"  unexpected: extra.{i} (1,)" for i in range(4)),
        "  ... and 3 more unexpected",
        "  mis-shaped: stem.bias (16,); in the file: stem.bias (5,)",
    ]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_another_number_of_classes_is_said():
    with pytest.raises(WeightsError, match="2 mis-shaped") as caught:
        load_weights(nets.Net(), nets.Net(5).state_dict())
    assert caught.value.do == (
        'to train with other classes than these 5, senet train --head new (fresh=["fc"]) keeps a fresh classifier; '
        "else make the model with 5 (network=FUNCTION: let the function make 5)"
    )
    other = nets.Net().state_dict() | {"unit1.conv1.weight": torch.zeros(16, 16, 1, 1)}
    with pytest.raises(WeightsError, match="1 mis-shaped") as caught:
        load_weights(nets.Net(), other)
    assert caught.value.do.startswith("name the network that the weights are of (--network)")


def test_preserved_and_plain_gates_do_not_take_each_others_weights():
    plainly, preserved = (
        insert(nets.Net(), SE(reduction=4), init=i, example=nets.IMAGE) for i in ("paper", "preserve")
    )
    with pytest.raises(WeightsError, match=r"4 unexpected") as caught:
        load_weights(plainly, preserved.state_dict())
    assert "unit1.bn2_attention.gate.scale" in caught.value.what
    with pytest.raises(WeightsError, match=r"4 missing"):
        load_weights(preserved, plainly.state_dict())


def test_our_own_networks_keep_their_checks(tmp_path):
    save_weights(create("resnet18", geometry="torch"), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="wrong logits"):
        load_weights(nets.named("resnet18"), tmp_path / "w.safetensors")
    load_weights(nets.named("resnet18", geometry="torch"), tmp_path / "w.safetensors")


def test_a_card_of_another_architecture_is_refused(tmp_path):
    name = read_name("torchvision:squeezenet1_1")
    model = nets.named(str(name))
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "squeezenet1_1_blur"}))
    with pytest.raises(WeightsError, match="of squeezenet1_1_blur, not of squeezenet1_1"):
        fill_model(model, name, read_weights(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "squeezenet1_1"}))
    fill_model(model, name, read_weights(tmp_path))
    load_weights(model, tmp_path)
