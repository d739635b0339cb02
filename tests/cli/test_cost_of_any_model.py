"""senet cost of models of any source: the numbers are those of the model built by hand."""

import json
import sys
from dataclasses import asdict

import pytest
import timm
import torch
import torchvision

import own_net
import senet
from senet.cli import run
from senet.insertion import blocks

SPEC = "SE(reduction=8)"


def counted(capsys, arguments, size=32):
    assert run(["cost", *map(str, arguments), "--size", str(size), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A module of a user's, a folder of senet insert, weights that say what they are of and weights that do not."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "cost_own.py").write_text(own_net.text())
    torch.save(torchvision.models.shufflenet_v2_x0_5(num_classes=7).state_dict(), folder / "seven.pth")
    source = "torchvision:shufflenet_v2_x0_5"
    words = ["insert", source, SPEC, "--weights", "seven.pth", "--example", "1,3,32,32", "--out", "with"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(words) == 0
    senet.save_weights(senet.create("se_resnet8", num_classes=7), folder / "ours.safetensors")
    return folder


def shuffle(classes=1000):
    return torchvision.models.shufflenet_v2_x0_5(num_classes=classes)


def own(folder):
    space = {}
    exec(compile((folder / "cost_own.py").read_text(), "cost_own.py", "exec"), space)
    return space["Net"]()


PLAIN = {
    "torchvision": (["torchvision:shufflenet_v2_x0_5"], lambda folder: shuffle()),
    "torchvision, of other classes": (["torchvision:shufflenet_v2_x0_5", "--classes", "7"], lambda folder: shuffle(7)),
    "timm": (["timm:mobilenetv3_small_050"], lambda folder: timm.create_model("mobilenetv3_small_050")),
    "a function of a file": (["cost_own.py:Net"], own),
    "a function of a module": (["cost_own:Net"], own),
    "weights of others": (["torchvision:shufflenet_v2_x0_5", "--weights", "seven.pth"], lambda folder: shuffle(7)),
    "none of ours": (["se_resnet8", "--attention", "none"], lambda folder: senet.create("resnet8")),
}


@pytest.fixture(autouse=True)
def here(files, monkeypatch):
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_model_costs_what_the_library_counts(name, files, capsys):
    words, make = PLAIN[name]
    found = counted(capsys, words)
    assert found["cost"] == asdict(senet.cost(make(files), (3, 32, 32)).total)
    assert (found["without_attention"], found["difference"], found["spec"]) == (None, None, None)
    assert (found["input_size"], found["published"]) == ([3, 32, 32], [])


ATTENDED = {name: one for name, one in PLAIN.items() if name not in ("timm", "none of ours")}


@pytest.mark.parametrize("name", ATTENDED)
def test_attention_in_it_costs_what_the_library_counts_of_an_insertion(name, files, capsys):
    words, make = ATTENDED[name]
    found, plain = counted(capsys, [*words, "--attention", SPEC]), make(files)
    init = "preserve" if "--weights" in words else "paper"  # as training would begin
    whole = senet.cost(senet.insert(plain, SPEC, init=init, example=(1, 3, 32, 32)), (3, 32, 32))
    assert found["attention"] == f"{SPEC} inserted"
    assert found["cost"] == asdict(whole.total)
    assert found["without_attention"] == asdict(senet.cost(plain, (3, 32, 32)).total)
    assert found["difference"] == {key: found["cost"][key] - found["without_attention"][key] for key in found["cost"]}
    assert found["attention_share"] == asdict(whole.attention)


def test_stages_and_places_are_those_of_an_insertion(capsys):
    words = ["torchvision:resnet18", "--attention", SPEC, "--where", "pre", "--stages", "3,4"]
    model = senet.insert(torchvision.models.resnet18(), SPEC, where="pre", stages=(3, 4), example=(1, 3, 32, 32))
    assert counted(capsys, words)["cost"] == asdict(senet.cost(model, (3, 32, 32)).total)


@pytest.mark.parametrize("name", ["with", "with/model.toml", "with/weights.safetensors"])
def test_a_folder_of_insert_costs_what_its_model_does_and_is_compared_with_the_one_before(name, capsys):
    found = counted(capsys, [name])
    model = senet.rebuild("with")
    assert len(blocks(model)) == 16
    assert found["cost"] == asdict(senet.cost(model, (3, 32, 32)).total)
    assert (found["attention"], found["classes"]) == (f"{SPEC} inserted", 7)
    assert found["without_attention"] == asdict(senet.cost(shuffle(7), (3, 32, 32)).total)


def test_a_file_of_weights_of_ours_costs_what_its_network_does(capsys):
    found = counted(capsys, ["ours.safetensors"])
    model = senet.create("se_resnet8", num_classes=7)
    assert found["cost"] == asdict(senet.cost(model, (3, 32, 32)).total)
    assert (found["classes"], found["spec"]["kind"]) == (7, "SE")
    plain = senet.create("resnet8", num_classes=7)
    assert found["without_attention"] == asdict(senet.cost(plain, (3, 32, 32)).total)


def test_a_published_figure_is_of_the_published_number_of_classes(tmp_path, capsys):
    published = {}
    for classes in (7, 1000):
        path = tmp_path / f"{classes}.safetensors"
        senet.save_weights(senet.create("shufflenet_v1_g3", num_classes=classes), path)
        published[classes] = counted(capsys, [path], size=224)["published"]
    assert published[7] == []
    assert published[1000] == counted(capsys, ["shufflenet_v1_g3"], size=224)["published"] != []
