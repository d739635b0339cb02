import json
from dataclasses import replace
from functools import partial

import nets
import pytest
import safetensors
import safetensors.torch
import torch
import torchvision

import senet
from catalogue_of_blocks import OWN, SMALL, each
from senet.attention import CBAM, SE, SK, to_dict
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks, insert
from senet.metadata import Metadata
from senet.models import save_inserted, save_weights
from senet.models.factory.config import ModelConfig, model_metadata
from senet.models.factory.name import recorded_name
from senet.models.load import open_weights
from senet.models.saved.folder import read_saved
from senet.models.saved.record import parse_record
from senet.networks import create
from senet.weights import write_state
from senet.weights.infer_network import NetworkOptions
from shaken import shaken

SPEC = SE(reduction=4)
SHUFFLENET = "torchvision:shufflenet_v2_x0_5"


def config(source, classes=None):
    return ModelConfig(recorded_name(source), NetworkOptions(num_classes=classes))


def written(path, model, source, classes=None, **more):
    write_state(model.state_dict(), path, replace(model_metadata(model, config(source, classes)), **more))
    return path


def opened_alone(path, network=None):
    return open_weights(read_saved(path), network)


def small(channels=3):
    return create("resnet8", attention=SE(reduction=4), num_classes=5, in_channels=channels)


MODELS = {
    **{
        f"a network of ours with {spec}": (
            "senet:resnet8",
            5,
            partial(create, "resnet8", attention=spec, num_classes=5),
        )
        for spec in (*SMALL, OWN)
    },
    "of one channel": ("senet:resnet8", 5, lambda: small(channels=1)),
    "without its attention": ("senet:se_resnet8", 5, lambda: create("se_resnet8", attention=None)),
    "of another geometry": ("senet:resnet18@torch", None, lambda: create("resnet18", geometry="torch", num_classes=5)),
    "with blocks in it": (
        "senet:resnet8",
        5,
        lambda: insert(small(), CBAM(reduction=4), where="stage?", example=(1, 3, 32, 32), again=True),
    ),
    "of torchvision": (SHUFFLENET, 7, lambda: nets.named(SHUFFLENET, 7)),
    "of torchvision with SE": (SHUFFLENET, 7, lambda: insert(nets.named(SHUFFLENET, 7), SPEC, example=(1, 3, 32, 32))),
    "of timm with its own classes": ("timm:resnet10t", None, lambda: nets.named("timm:resnet10t")),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_file_alone_makes_the_same_model_again(kind, tmp_path):
    source, classes, make = MODELS[kind]
    model = shaken(make())
    channels = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d)).in_channels
    path = written(tmp_path / "w.safetensors", model, source, classes, epoch=3)
    state = torch.get_rng_state()
    again, loaded, _ = opened_alone(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(again) is type(model)
    assert blocks(again) == blocks(model)
    assert torch.equal(nets.logits(again, channels), nets.logits(model, channels))
    assert loaded.metadata.epoch == 3


@each((*SMALL, OWN))
def test_a_users_own_model_needs_its_function_and_nothing_of_the_file_is_imported(spec, tmp_path, monkeypatch):
    where = "unit?.bn1"
    model = shaken(insert(nets.Net(), spec, where=where, example=nets.IMAGE))
    path = written(tmp_path / "w.safetensors", model, "nets:Net")
    monkeypatch.setattr("senet.models.factory.builders.import_module", None)
    with pytest.raises(UsageError, match="the record names code to import, nets:Net; nothing is imported") as caught:
        opened_alone(path)
    assert caught.value.where == str(path)
    assert (
        caught.value.do == "name it yourself: --network nets:Net (network=FUNCTION of senet.load, factory= of rebuild)"
    )
    assert torch.equal(nets.logits(opened_alone(path, nets.Net)[0]), nets.logits(model))


def test_a_studys_file_says_less_and_is_enough(tmp_path):
    model = shaken(create("resnet8", attention=SPEC, num_classes=4, in_channels=1))
    said = Metadata(network="resnet8", attention=to_dict(SPEC), in_channels=1, classes=tuple("abcd"))
    write_state(model.state_dict(), tmp_path / "w.safetensors", said)
    again, loaded, _ = opened_alone(tmp_path / "w.safetensors")
    assert torch.equal(nets.logits(again, 1), nets.logits(model, 1))
    assert loaded.metadata.classes == tuple("abcd")


def test_what_save_weights_wrote_is_opened(tmp_path):
    model = shaken(create("resnet18", geometry="torch", num_classes=3, in_channels=2))
    save_weights(model, tmp_path / "w.safetensors", about={"licence": "MIT"})
    again, loaded, _ = opened_alone(str(tmp_path / "w.safetensors"))
    assert torch.equal(nets.logits(again, 2), nets.logits(model, 2))
    assert loaded.metadata.licence == "MIT"


def test_a_folder_of_an_insertion_is_opened_by_any_of_its_names(tmp_path):
    model = shaken(insert(nets.named(SHUFFLENET, 7), SPEC, example=(1, 3, 32, 32)))
    weights, record = save_inserted(model, tmp_path / "new", source=SHUFFLENET, classes=7)
    for path in (tmp_path / "new", weights, record):
        assert torch.equal(nets.logits(opened_alone(path)[0]), nets.logits(model))
    record.rename(tmp_path / "model.toml")
    with pytest.raises(WeightsError, match=r"model.toml is missing beside these weights"):
        opened_alone(weights)


def test_the_file_is_read_once(tmp_path, monkeypatch):
    path = written(tmp_path / "w.safetensors", small(), "senet:resnet8")
    files, real = [], safetensors.safe_open

    def counted(file, **options):
        files.append(file)
        return real(file, **options)

    monkeypatch.setattr("safetensors.safe_open", counted)
    senet.load(path)
    assert len(files) == 1


def test_a_record_of_a_plain_model_has_no_blocks():
    text = model_metadata(nets.Net(), config("nets:Net")).record
    assert parse_record(text, "here").blocks == ()
    assert "blocks" not in text


FOREIGN = {"names": "torchvision:resnet18", "ours": "resnet18"}


@pytest.mark.parametrize("network", FOREIGN.values(), ids=FOREIGN)
def test_weights_that_say_nothing_are_opened_as_what_they_are_said_to_be(network, tmp_path):
    theirs = shaken(torchvision.models.resnet18(num_classes=6))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    again, loaded, _ = opened_alone(tmp_path / "w.pth", network)
    torch.testing.assert_close(nets.logits(again), nets.logits(theirs), atol=1e-4, rtol=1e-4)
    assert loaded.metadata.input_transform is None  # names like torchvision's do not say how they were trained
    with pytest.raises(WeightsError, match="does not name the model of its weights") as caught:
        opened_alone(tmp_path / "w.pth")
    assert "--network" in caught.value.do


BAD = {
    "no network of ours": ({"network": "resnet9"}, "no network is called 'resnet9'"),
    "a network that is no name": ({"network": ["resnet8"]}, "network=['resnet8'] is not text"),
    "an attention that is none": ({"network": "resnet8", "attention": {"kind": "os.system"}}, "attention"),
    "another geometry": ({"network": "resnet18", "geometry": "moebius"}, "geometry 'moebius'"),
    "a width that the file does not hold": (
        {"network": "resnet8", "attention": {**to_dict(SK(groups=1)), "minimum": 10**9}},
        "48 missing",
    ),
    "more classes than fit anywhere": (
        {"network": "resnet8", "num_classes": 10**12},
        "head.fc.weight (1000000000000, 64)",
    ),
    "fewer classes than none": ({"network": "resnet8", "num_classes": -1}, "num_classes=-1"),
    "more channels than fit anywhere": ({"network": "resnet8", "in_channels": 10**12}, "1 mis-shaped"),
    "another network": ({"network": "resnet20"}, "do not fit"),
    "attention that is not in the file": ({"network": "resnet8", "attention": to_dict(SPEC)}, "12 missing"),
    "a record that is no text": ({"record": {"source": "nets:Net"}}, "is not text"),
    "a record that is no TOML": ({"record": "import os"}, "not a readable record"),
    "a record with code": ({"record": 'senet = "1"\nsource = "os:getcwd"\nsha256 = ""\nrun = "x"'}, "unknown key run"),
    "too many classes": (
        {"record": f'senet = "1"\nsource = "torchvision:resnet18"\nsha256 = ""\nclasses = {10**12}'},
        "no tensor so many rows",
    ),
    "an empty object": ({}, "does not name the model of its weights"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_file_from_anywhere_says_is_not_trusted(case, tmp_path):
    about, said = BAD[case]
    path = tmp_path / "w.safetensors"
    tensors = create("resnet8", attention=None).state_dict()
    safetensors.torch.save_file(tensors, path, {"senet": json.dumps(about)})
    with pytest.raises(WeightsError) as caught:
        opened_alone(path)
    assert said in str(caught.value)
    assert str(path) in caught.value.where


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        opened_alone(tmp_path / "nowhere.safetensors")
