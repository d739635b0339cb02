"""``senet insert`` of weights with another classifier than the network's own, of whatever kind the network is."""

import os
import runpy
import sys
from functools import partial
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from shapes import COLOURS

import own_net
import senet
from senet.cli import run
from senet.insertion import blocks
from senet.models import rebuild
from senet.models.factory.name import read_name
from shaken import shaken

TEN, SIZE = 10, ["--example", "1,3,32,32"]
QUICK = ["--epochs", "1", "--batch-size", "6", "--precision", "float32", "--threads", "1"]


def of_a_library(source, make):
    """Return what writes weights of ten classes, and names the network and them."""

    def trained():
        torch.save(shaken(make(num_classes=TEN)).state_dict(), "ten.pth")
        return [source, "--weights", "ten.pth"]

    return trained


def of_ones_own():
    Path("ten.py").write_text(own_net.text(classes=TEN))
    Path("four.py").write_text(own_net.text(classes=4))
    torch.save(shaken(runpy.run_path("ten.py")["Net"]()).state_dict(), "ten.pth")
    return ["four.py:Net", "--weights", "ten.pth"]


def of_a_file():
    senet.save_weights(shaken(senet.create("resnet8", num_classes=TEN)), "ten.safetensors")
    return ["ten.safetensors"]


def of_a_folder():
    model = shaken(timm.create_model("test_resnet", num_classes=TEN))
    model = senet.insert(model, "ECA()", stages=(3,), example=(1, 3, 32, 32))
    senet.save_inserted(model, "before", source="timm:test_resnet", classes=TEN)
    return ["before", "--again", "--stages", "4"]


SHUFFLE = "torchvision:shufflenet_v2_x0_5"
CHECKPOINTS = {
    "ours": of_a_library("resnet8", partial(senet.create, "resnet8")),
    "torchvision's": of_a_library(SHUFFLE, torchvision.models.shufflenet_v2_x0_5),
    "timm's": of_a_library("timm:test_resnet", partial(timm.create_model, "test_resnet")),
    "one's own": of_ones_own,
    "a file of weights": of_a_file,
    "a folder of an insertion": of_a_folder,
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, entered; what the command adds to the path is taken off again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


def function_of(network):
    """Return the function that a user has to name again, since nothing that a folder names is imported."""
    return network if read_name(network).kind == "function" else None


def opened(out, network):
    """Open a folder in both ways."""
    loaded = senet.load(out, network=function_of(network))
    if function_of(network) is None:
        state = loaded.model.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in rebuild(out).state_dict().items())
    assert blocks(loaded.model)
    return loaded


def trained_on(out, network, photos, *more):
    """Go on with a folder as ``senet train`` takes it, and open what that leaves."""
    words = ["--network", network, "--weights", out] if function_of(network) else ["--network", out]
    assert run(["train", *words, "--data", f"folder:{photos}", *QUICK, *more, "--out", f"run_{out}"]) == 0
    return senet.load(f"run_{out}/weights/last.safetensors", network=function_of(network))


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_it_is_inserted_into_with_its_own_classifier_or_a_new_one_and_trains_on(kind, here, photos, capsys):
    network, *named = CHECKPOINTS[kind]()
    words = ["insert", network, "SE(reduction=4)", *named, *SIZE]
    for out, more in (("own", []), ("said", ["--classes", "10"])):
        assert run([*words, *more, "--out", out]) == 0
        assert "outputs: on the example bit-identical to those before" in " ".join(capsys.readouterr().out.split())
        assert opened(out, network).outputs == TEN
    assert run([*words, "--classes", "3", "--out", "none"]) in (2, 4)
    assert "--head new" in capsys.readouterr().err
    assert not os.path.exists("none")
    assert run([*words, "--classes", "3", "--head", "new", "--out", "new"]) == 0
    assert opened("new", network).outputs == 3
    for out, more in (("new", ()), ("own", ("--head", "new"))):
        trained = trained_on(out, network, photos, *more)
        assert (trained.outputs, trained.labels.names) == (3, tuple(COLOURS))
        assert blocks(trained.model) == blocks(opened(out, network).model)


def test_a_classifier_of_the_weights_is_loaded_where_the_functions_own_has_other_rows(here):
    network, *named = of_ones_own()
    assert run(["insert", network, "SE(reduction=4)", *named, *SIZE, "--out", "own"]) == 0
    model, plain = opened("own", network).model, runpy.run_path("ten.py")["Net"]()
    plain.load_state_dict(torch.load("ten.pth", weights_only=True))
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(x), plain.eval()(x))


def test_other_weights_of_ones_own_network_are_refused_as_before(here, capsys):
    network, *named = of_ones_own()
    state = torch.load("ten.pth", weights_only=True)
    torch.save(state | {"conv.weight": torch.zeros(16, 16, 1, 1)}, "ten.pth")
    assert run(["insert", network, "SE(reduction=4)", *named, *SIZE, "--out", "own"]) == 4
    assert "conv.weight (16, 16, 3, 3); in the file: conv.weight (16, 16, 1, 1)" in capsys.readouterr().err


def test_what_weights_say_of_their_input_and_classes_is_said_of_the_folder_too(here):
    caffe = {"channel_order": "BGR", "range": 255, "mean": (104.0, 117.0, 123.0), "std": (1.0, 1.0, 1.0)}
    about = {"classes": ["ant", "bee", "cow"], "input_transform": caffe, "licence": "CC0", "epoch": 7}
    senet.save_weights(senet.create("resnet8", num_classes=3), "w.safetensors", about=about)
    words = ["insert", "w.safetensors", "SE(reduction=4)", *SIZE]
    assert run([*words, "--out", "kept"]) == 0
    assert run([*words, "--head", "new", "--classes", "5", "--out", "new"]) == 0
    before, kept, new = senet.load("w.safetensors"), senet.load("kept"), senet.load("new")
    assert kept.transform == new.transform == before.transform
    assert kept.transform.channel_order == "BGR"
    assert (kept.labels, new.labels) == (before.labels, None)
    assert kept.labels.names == ("ant", "bee", "cow")
    assert {model.metadata.licence for model in (before, kept, new)} == {"CC0"}
    assert (before.metadata.epoch, kept.metadata.epoch) == (7, None), "this model has not trained"


@pytest.mark.parametrize("more", [["--classes", "9"], ["--classes", "9", "--head", "new"]])
def test_without_images_no_classifier_is_looked_for(more, here, capsys):
    network, *named = of_ones_own()
    words = ["insert", network, "SE(reduction=4)", *named, "--example", "1,3,16", *more, "--dry-run"]
    assert run(words) == 2
    assert f"{more[-2] if len(more) == 2 else '--head new'} needs images" in capsys.readouterr().err
