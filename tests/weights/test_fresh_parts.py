# load_weights() that keeps parts of a model as they were initialised, and changes all the rest.

import pytest
import torch
import torchvision

from catalogue_of_blocks import OWN, SMALL, SMALL_GATES, each
from senet.attention import SE
from senet.errors import UsageError, WeightsError
from senet.insertion import insert
from senet.models import save_weights
from senet.networks import create
from senet.weights import load_weights
from shaken import shaken


def copied(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_kept(model, initial, loaded, kept, source):
    """What is kept has its initial bits; everything else has the source's, and none of them are equal by chance."""
    assert kept
    assert set(loaded.fresh) == {name for name in kept if not name.endswith("num_batches_tracked")}
    for name, value in model.state_dict().items():
        if name in kept:
            assert torch.equal(value, initial[name]), name
        else:
            assert torch.equal(value, source[name]), name
    differing = [name for name in source if name in initial and not torch.equal(source[name], initial[name])]
    assert len(differing) > len(source) / 4


@each((*SMALL_GATES, OWN))
@pytest.mark.parametrize("said", [True, False])
def test_plain_weights_into_the_networks_attention_form(spec, said, tmp_path):
    plain = shaken(create("resnet8", num_classes=5))
    source = plain.state_dict()
    weights = source
    if said:  # our own file says that there was no attention
        save_weights(plain, tmp_path / "w.safetensors")
        weights = tmp_path / "w.safetensors"
    model = create("resnet8", attention=spec, num_classes=5)
    initial = copied(model)
    with pytest.raises(WeightsError, match=r"\d+ missing of") as caught:
        load_weights(model, weights)
    assert caught.value.do == (
        "the weights are of the network without attention: "
        "--network resnet8; senet train with --attention SPEC, or senet insert, puts it in; "
        'in Python gates="new" keeps fresh gates'
    )
    assert all(torch.equal(value, initial[name]) for name, value in model.state_dict().items())
    loaded = load_weights(model, weights, gates="new")
    assert_kept(model, initial, loaded, {name for name in initial if ".attention." in name}, source)
    assert loaded.skipped == ()


def test_torchvisions_weights_into_an_se_resnet_with_a_new_head_too():
    theirs = shaken(torchvision.models.resnet18())
    model = create("se_resnet18", geometry="torch", num_classes=3)
    initial = copied(model)
    loaded = load_weights(model, theirs.state_dict(), gates="new", head="new")
    assert loaded.skipped == ("fc.weight", "fc.bias")
    assert all(".attention." in name or name.startswith("head.fc.") for name in loaded.fresh)
    assert all(torch.equal(model.state_dict()[name], initial[name]) for name in loaded.fresh)
    assert torch.equal(model.get_submodule("stage5.1.branch.conv2.conv").weight, theirs.layer4[1].conv2.weight)
    assert torch.equal(model.stem.conv1.bn.running_var, theirs.bn1.running_var)


def test_gates_of_the_weights_are_left_out_and_named_where_fresh_ones_are_asked_for():
    source = shaken(create("se_resnet8", num_classes=5))
    model = create("se_resnet8", num_classes=5)
    initial = copied(model)
    loaded = load_weights(model, source.state_dict(), gates="new")
    gates = {name for name in initial if ".attention." in name}
    assert set(loaded.skipped) == gates
    assert_kept(model, initial, loaded, gates, source.state_dict())


def test_other_faults_than_missing_gates_stay_errors_with_fresh_gates():
    state = create("resnet8", num_classes=5).state_dict()
    model = create("se_resnet8", num_classes=5)
    lost = {name: value for name, value in state.items() if name != "stage2.0.branch.conv1.conv.weight"}
    with pytest.raises(WeightsError, match="1 missing"):
        load_weights(model, lost, gates="new")
    with pytest.raises(WeightsError, match="1 unexpected"):
        load_weights(model, {**state, "stage9.weight": torch.ones(1)}, gates="new")


@each(spec for spec in SMALL if spec.slot == "convolution")
def test_what_replaces_a_convolution_is_fresh_as_a_whole_and_the_convolution_is_named(spec):
    state = shaken(create("resnet8", num_classes=5)).state_dict()
    model = create("resnet8", attention=spec, num_classes=5)
    initial = copied(model)
    loaded = load_weights(model, state, gates="new")
    assert {"stage2.0.branch.conv1.conv.weight", "stage2.0.branch.conv1.bn.weight"} <= set(loaded.skipped)
    fresh = {name for name in initial if name not in state}
    assert_kept(model, initial, loaded, fresh, state)


class Own(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3)
        self.norm = torch.nn.BatchNorm2d(8)
        self.fc = torch.nn.Linear(8, classes)
        self.fc2 = torch.nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.norm(self.stem(x)).mean((2, 3)))


def test_a_module_of_ones_own_keeps_the_modules_that_are_named():
    source = shaken(Own(9)).state_dict()
    model = Own(4)
    initial = copied(model)
    with pytest.raises(WeightsError, match="2 mis-shaped") as caught:
        load_weights(model, source)
    assert 'fresh=["fc"]' in caught.value.do
    loaded = load_weights(model, source, fresh=["fc"])
    assert loaded.skipped == ("fc.weight", "fc.bias")
    assert_kept(model, initial, loaded, {"fc.weight", "fc.bias"}, source)  # fc2 only begins alike
    assert loaded.source == ""
    assert str(loaded) == "8 tensors loaded; left out: fc.weight, fc.bias; 2 tensors fresh: fc.weight, fc.bias"
    headless = {name: value for name, value in source.items() if not name.startswith("fc.")}
    assert load_weights(Own(4), headless, fresh=["fc"]).skipped == ()


def test_inserted_gates_may_stay_fresh_in_a_module_of_ones_own():
    plain = shaken(torchvision.models.resnet18())
    model = insert(torchvision.models.resnet18(), SE(reduction=4), example=(1, 3, 64, 64))
    initial = copied(model)
    loaded = load_weights(model, plain.state_dict(), gates="new")
    assert_kept(model, initial, loaded, set(initial) - set(plain.state_dict()), plain.state_dict())


def test_words_and_names_that_are_none():
    model = Own(4)
    with pytest.raises(UsageError, match="Own has no module 'fcc'") as caught:
        load_weights(model, model.state_dict(), fresh=["fcc"])
    assert caught.value.do == "did you mean fc, fc2?"
    with pytest.raises(UsageError, match="no gates is called 'fresh'"):
        load_weights(model, model.state_dict(), gates="fresh")
    with pytest.raises(UsageError, match="head='new' is for networks of ours") as caught:
        load_weights(model, model.state_dict(), head="new")
    assert caught.value.do == "name your classifier: fresh=['fc']"
    with pytest.raises(UsageError, match="source='timm' is for networks of ours"):
        load_weights(model, model.state_dict(), source="timm")
