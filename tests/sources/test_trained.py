import json

import nets
import pytest
import safetensors
import safetensors.torch
import torch
import torchvision

from senet.attention import CBAM, SE, SK, to_dict
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks, insert
from senet.networks import create
from senet.sources import build, save_inserted
from senet.sources.record import parse_record
from senet.sources.trained import describe, open_as, open_trained
from senet.weights import save_weights, write_state

SPEC = SE(reduction=4)
SHUFFLENET = "torchvision:shufflenet_v2_x0_5"


def logits(model, channels=3, side=32):
    x = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.eval()(x)


def written(path, model, source, classes=None, **more):
    write_state(model.state_dict(), path, {**describe(model, source, classes), **more})
    return path


def small(channels=3):
    return create("resnet8", attention=SE(reduction=4), num_classes=5, in_channels=channels)


MODELS = {
    "a network of ours": ("senet:resnet8", 5, lambda: small()),
    "of one channel": ("senet:resnet8", 5, lambda: small(channels=1)),
    "without its attention": ("senet:se_resnet8", 5, lambda: create("se_resnet8", attention=None)),
    "of another geometry": ("senet:resnet18@torch", None, lambda: create("resnet18", geometry="torch", num_classes=5)),
    "with blocks in it": (
        "senet:resnet8",
        5,
        lambda: insert(small(), CBAM(reduction=4), where="stage?", example=(1, 3, 32, 32), again=True),
    ),
    "of torchvision": (SHUFFLENET, 7, lambda: build(SHUFFLENET, 7)),
    "of torchvision with SE": (SHUFFLENET, 7, lambda: insert(build(SHUFFLENET, 7), SPEC, example=(1, 3, 32, 32))),
    "of timm with its own classes": ("timm:resnet10t", None, lambda: build("timm:resnet10t")),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_file_alone_makes_the_same_model_again(kind, tmp_path):
    source, classes, make = MODELS[kind]
    model = nets.shaken(make())
    channels = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d)).in_channels
    path = written(tmp_path / "w.safetensors", model, source, classes, epoch=3)
    state = torch.get_rng_state()
    opened = open_trained(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert not opened.model.training
    assert type(opened.model) is type(model)
    assert blocks(opened.model) == blocks(model)
    assert torch.equal(logits(opened.model, channels), logits(model, channels))
    assert (opened.about["epoch"], opened.where) == (3, str(path))


@pytest.mark.parametrize("spec", [SPEC, SK(reduction=2, groups=1)])
def test_a_users_own_model_needs_its_function_and_nothing_of_the_file_is_imported(spec, tmp_path, monkeypatch):
    where = "unit?.bn1"
    model = nets.shaken(insert(nets.Net(), spec, where=where, example=nets.IMAGE))
    path = written(tmp_path / "w.safetensors", model, "nets:Net")
    monkeypatch.setattr("senet.sources.models.import_module", None)
    with pytest.raises(UsageError, match="the record names code to import, nets:Net; nothing is imported") as caught:
        open_trained(path)
    assert "--factory" in caught.value.do
    assert torch.equal(logits(open_trained(path, factory=nets.Net).model), logits(model))


def test_a_studys_file_says_less_and_is_enough(tmp_path):
    model = nets.shaken(create("resnet8", attention=SPEC, num_classes=4, in_channels=1))
    about = {"network": "resnet8", "attention": to_dict(SPEC), "in_channels": 1, "classes": list("abcd")}
    write_state(model.state_dict(), tmp_path / "w.safetensors", about)
    opened = open_trained(tmp_path / "w.safetensors")
    assert torch.equal(logits(opened.model, 1), logits(model, 1))
    assert opened.about["classes"] == list("abcd")


def test_what_save_weights_wrote_is_opened(tmp_path):
    model = nets.shaken(create("resnet18", geometry="torch", num_classes=3, in_channels=2))
    save_weights(model, tmp_path / "w.safetensors", about={"licence": "MIT"})
    opened = open_trained(str(tmp_path / "w.safetensors"))
    assert torch.equal(logits(opened.model, 2), logits(model, 2))
    assert opened.about["licence"] == "MIT"


def test_a_folder_of_an_insertion_is_opened_by_any_of_its_names(tmp_path):
    model = nets.shaken(insert(build(SHUFFLENET, 7), SPEC, example=(1, 3, 32, 32)))
    weights, record = save_inserted(model, tmp_path / "new", source=SHUFFLENET, classes=7)
    for path in (tmp_path / "new", weights, record):
        opened = open_trained(path)
        assert torch.equal(logits(opened.model), logits(model))
        assert not opened.model.training
    record.rename(tmp_path / "model.toml")
    with pytest.raises(WeightsError, match=r"the model.toml that belongs to these weights is not beside them"):
        open_trained(weights)


def test_the_file_is_read_once(tmp_path, monkeypatch):
    path = written(tmp_path / "w.safetensors", small(), "senet:resnet8")
    opened, real = [], safetensors.safe_open

    def counted(file, **options):
        opened.append(file)
        return real(file, **options)

    monkeypatch.setattr("safetensors.safe_open", counted)
    open_trained(path)
    assert len(opened) == 1


def test_a_record_of_a_plain_model_has_no_blocks():
    text = describe(nets.Net(), "nets:Net", None)["record"]
    assert parse_record(text, "here").blocks == ()
    assert "blocks" not in text


FOREIGN = {"names": "torchvision:resnet18", "ours": "resnet18"}


@pytest.mark.parametrize("network", FOREIGN.values(), ids=FOREIGN)
def test_weights_that_say_nothing_are_opened_as_what_they_are_said_to_be(network, tmp_path):
    theirs = nets.shaken(torchvision.models.resnet18(num_classes=6))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    opened = open_as(tmp_path / "w.pth", network, 6)
    torch.testing.assert_close(logits(opened.model), logits(theirs), atol=1e-4, rtol=1e-4)
    assert ("input_transform" in opened.about) == (network == "resnet18")
    with pytest.raises(WeightsError, match="neither a network nor a record") as caught:
        open_trained(tmp_path / "w.pth")
    assert "--network" in caught.value.do


BAD = {
    "no network of ours": ({"network": "resnet9"}, "no network is called 'resnet9'"),
    "a network that is no name": ({"network": ["resnet8"]}, "names a network"),
    "an attention that is none": ({"network": "resnet8", "attention": {"kind": "os.system"}}, "attention"),
    "another geometry": ({"network": "resnet18", "geometry": "moebius"}, "geometry 'moebius'"),
    "a width that the file does not hold": (
        {"network": "resnet8", "attention": {**to_dict(SK(groups=1)), "minimum": 10**9}},
        "parameters, the file 75",
    ),
    "another network": ({"network": "resnet20"}, "do not fit"),
    "attention that is not in the file": ({"network": "resnet8", "attention": to_dict(SPEC)}, "12 missing"),
    "a record that is no text": ({"record": {"source": "nets:Net"}}, "is not text"),
    "a record that is no TOML": ({"record": "import os"}, "not a readable record"),
    "a record with code": ({"record": 'senet = "1"\nsource = "os:getcwd"\nsha256 = ""\nrun = "x"'}, "unknown key run"),
    "too many classes": (
        {"record": f'senet = "1"\nsource = "torchvision:resnet18"\nsha256 = ""\nclasses = {10**12}'},
        "no tensor so many rows",
    ),
    "an empty object": ({}, "neither a network nor a record"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_file_from_anywhere_says_is_not_trusted(case, tmp_path):
    about, said = BAD[case]
    path = tmp_path / "w.safetensors"
    tensors = create("resnet8", attention=None).state_dict()
    safetensors.torch.save_file(tensors, path, {"senet": json.dumps(about)})
    with pytest.raises(WeightsError) as caught:
        open_trained(path)
    assert said in str(caught.value)
    assert str(path) in caught.value.where


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        open_trained(tmp_path / "nowhere.safetensors")
