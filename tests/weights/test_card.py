import json

import pytest
import safetensors.torch
import timm
import torch

import senet
from senet.errors import WeightsError
from senet.metadata import NO_METADATA
from senet.weights.hub.config import ARCHITECTURES, read_hub_config, require_architecture
from senet.weights.hub.preprocessing import companion_metadata

CARD = {
    "architecture": "resnet18",
    "num_classes": 5,
    "pretrained_cfg": {"tag": "a1_in1k", "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "license": "apache-2.0"},
}


@pytest.fixture(scope="module")
def theirs():
    return timm.create_model("resnet18", num_classes=5).eval()


def folder(path, state, card):
    path.mkdir()
    safetensors.torch.save_file(state, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(card))
    return path


def test_a_folder_of_the_hubs_builds_the_network_and_tells_its_input(tmp_path, theirs):
    source = folder(tmp_path / "w", theirs.state_dict(), CARD)
    model = senet.create("resnet18", weights=source).eval()
    assert model.spec.geometry == "torch"
    x = torch.randn(1, 3, 33, 33)
    torch.testing.assert_close(model(x), theirs(x))
    metadata = senet.load_weights(model, source).metadata
    assert metadata.input_transform == {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
    assert (metadata.architecture, metadata.tag, metadata.licence) == ("resnet18", "a1_in1k", "apache-2.0")


@pytest.mark.parametrize(
    ("architecture", "message"),
    [("resnetblur18", "no network of ours is known"), ("resnet34", 'create\\("resnet34"'), (7, "no network of ours")],
)
def test_tensors_of_another_architecture_are_refused_though_their_names_fit(tmp_path, theirs, architecture, message):
    source = folder(tmp_path / "w", theirs.state_dict(), {**CARD, "architecture": architecture})
    with pytest.raises(WeightsError, match=message):
        senet.create("resnet18", weights=source)


@pytest.mark.parametrize("architecture", ["seresnet18", "seresnet50", "legacy_seresnext26_32x4d"])
def test_the_preset_and_geometry_that_the_weights_need_are_chosen(tmp_path, architecture):
    theirs = timm.create_model(architecture, num_classes=5).eval()
    source = folder(tmp_path / "w", theirs.state_dict(), {"architecture": architecture})
    model = senet.create(ARCHITECTURES[architecture], weights=source).eval()
    x = torch.randn(1, 3, 65, 65)
    torch.testing.assert_close(model(x), theirs(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[1]", b"\xff\xfe", pytest.param(b"[" * 10**5, id="deep"), pytest.param(b" " * (2**20 + 1), id="large")],
)
def test_a_broken_card_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(WeightsError, match="config") as error:
        read_hub_config(tmp_path)
    assert error.value.where == str(tmp_path / "config.json")


def test_a_folder_without_weights_or_card(tmp_path, theirs):
    with pytest.raises(WeightsError, match=r"no model.safetensors or pytorch_model.bin in the folder"):
        senet.create("resnet18", weights=tmp_path)
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    assert senet.create("resnet18", weights=tmp_path).head.fc.out_features == 5


def test_a_card_of_another_kind_says_nothing():
    card = {"model_type": "bert"}
    require_architecture(card, "resnet18", "here")
    assert companion_metadata(card).metadata == NO_METADATA
    with pytest.raises(WeightsError, match="timm's bert"):
        require_architecture({"architecture": "bert"}, "resnet18", "here")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_timms_and_ours(architecture):
    assert timm.is_model(architecture)
    assert ARCHITECTURES[architecture] in senet.NETWORKS
