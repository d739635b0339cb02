# convert(): the written file opens by itself and gives the logits of what it was converted from.

import json

import nets
import pytest
import safetensors
import torch
import torchvision

import senet
from senet.attention import SE
from senet.errors import UsageError
from senet.insertion import blocks, insert
from senet.models import save_inserted
from senet.models.convert import convert
from senet.utils.files import sha256
from shaken import shaken

SHUFFLENET = "torchvision:shufflenet_v2_x0_5"


def images():
    return torch.randn(2, 3, 65, 65, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
def same(one, other):
    x = images()
    return torch.allclose(one.eval()(x), other.eval()(x), atol=1e-4, rtol=1e-4)


def entry(path):
    with safetensors.safe_open(path, "pt") as file:
        return json.loads(file.metadata()["senet"])


@pytest.mark.parametrize("network", ["resnet18", "torchvision:resnet18"])
def test_a_state_dict_of_torchvisions(network, tmp_path):
    theirs = shaken(torchvision.models.resnet18(num_classes=6))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    loaded = convert(tmp_path / "w.pth", network, tmp_path / "new.safetensors", licence="BSD-3-Clause")
    assert loaded.source == ("torchvision" if network == "resnet18" else "")
    again = senet.load(tmp_path / "new.safetensors")
    assert same(again.model, theirs)
    assert (again.outputs, again.metadata.licence) == (6, "BSD-3-Clause")
    assert again.metadata.origin == {
        "file": "w.pth",
        "source": "torchvision" if network == "resnet18" else "torchvision:resnet18",
        "sha256": sha256(tmp_path / "w.pth"),
    }


def test_a_folder_of_an_insertion_becomes_one_file(tmp_path):
    model = shaken(insert(nets.named(SHUFFLENET, 7), SE(reduction=4), example=(1, 3, 64, 64)))
    weights, _ = save_inserted(model, tmp_path / "folder", source=SHUFFLENET, classes=7)
    for file in (weights, weights.parent, weights.with_name("model.toml")):
        convert(file, SHUFFLENET, tmp_path / "new.safetensors")
        again = senet.load(tmp_path / "new.safetensors")
        assert same(again.model, model)
        assert blocks(again.model) == blocks(model)
        origin = again.metadata.origin
        assert (origin["file"], origin["sha256"]) == ("weights.safetensors", sha256(weights))
        (tmp_path / "new.safetensors").unlink()


def test_a_file_of_ours_keeps_all_that_it_says(tmp_path):
    model = shaken(senet.create("resnet18", geometry="torch", attention=SE(reduction=4), num_classes=3))
    about = {"classes": ["a", "b", "c"], "seed": 3, "epoch": 7, "note": "mine"}
    senet.save_weights(model, tmp_path / "w.safetensors", about=about)
    convert(tmp_path / "w.safetensors", "resnet18", tmp_path / "new.safetensors")
    said = entry(tmp_path / "new.safetensors")
    assert {key: said[key] for key in about} == about
    assert (said["geometry"], said["num_classes"], said["attention"]["reduction"]) == ("torch", 3, 4)
    assert same(senet.load(tmp_path / "new.safetensors").model, model)


def test_a_model_of_ones_own_still_needs_its_function(tmp_path):
    model = shaken(nets.Net())
    torch.save(model.state_dict(), tmp_path / "w.pth")
    convert(tmp_path / "w.pth", "nets:Net", tmp_path / "new.safetensors")
    with pytest.raises(UsageError, match="names code to import, nets:Net"):
        senet.load(tmp_path / "new.safetensors")
    assert same(senet.load(tmp_path / "new.safetensors", network=nets.Net).model, model)


def test_other_suffixes_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UsageError, match=r"w\.pth: weights are written as safetensors"):
        convert(tmp_path / "nowhere.pth", "resnet18", tmp_path / "w.pth")
