import json

import pytest
import timm
import torch
import torchvision

from senet.cli import run
from senet.cli.weights.command import Source
from senet.models.verify import REFERENCES
from senet.networks import NETWORKS, create
from senet.weights import detect_source, load_weights


def saved(path, model):
    torch.save(model.state_dict(), path)
    return str(path)


def shaken(model):
    for value in model.state_dict().values():
        if value.is_floating_point() and value.ndim == 1:
            value.uniform_(0.5, 1.5)
    return model


def test_convert_inspect_and_load(tmp_path, capsys):
    theirs = shaken(timm.create_model("seresnet18", num_classes=5))
    source, out = saved(tmp_path / "w.pth", theirs), tmp_path / "ours.safetensors"
    command = ["weights", "convert", source, "--network", "se_resnet18", "--attention", "SE.timm()", "--licence", "MIT"]
    assert run([*command, "--out", str(out)]) == 0
    assert f"134 tensors of timm loaded from {source}; 16 between 1x1" in capsys.readouterr().out
    assert run(["weights", "inspect", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["source"], found["geometry"], found["tensors"]) == ("senet", "torch", 134)
    about = found["about"]
    assert (about["network"], about["num_classes"], about["licence"]) == ("se_resnet18", 5, "MIT")
    assert about["origin"]["source"] == "timm"
    assert len(about["origin"]["sha256"]) == 64
    assert not {"input_transform", "class_order"} & about.keys()  # names like timm's do not say how they were trained
    ours = create("se_resnet18", attention=load_attention(about), geometry="torch", num_classes=5)
    load_weights(ours, out)
    x = torch.randn(1, 3, 33, 33)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def load_attention(about):
    from senet.attention import from_dict

    return from_dict(about["attention"])


def test_our_own_file_converts_to_itself(tmp_path, capsys):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    state = saved(tmp_path / "w.pt", create("se_resnet8", num_classes=4, in_channels=1))
    assert run(["weights", "convert", state, "--network", "se_resnet8", "--out", str(first)]) == 0
    assert run(["weights", "convert", str(first), "--network", "se_resnet8", "--out", str(second)]) == 0
    one, other = (create("se_resnet8", num_classes=4, in_channels=1) for _ in range(2))
    load_weights(one, first)
    load_weights(other, second)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    capsys.readouterr()


def test_inspect_prints_what_it_found(tmp_path, capsys):
    assert run(["weights", "inspect", saved(tmp_path / "w.pth", torchvision.models.resnet18())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "source      torchvision: torchvision's ResNets",
        "geometry    torch",
        "tensors     102 (102 float32)",
        "parameters  11,699,112, running statistics included",
        "first       conv1.weight, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var and 97 more",
    ]
    assert run(["weights", "inspect", saved(tmp_path / "w.pth", torch.nn.Linear(2, 2))]) == 0
    out = capsys.readouterr().out
    assert out.startswith("source      unknown: the names are of no source that we know: weight, bias")


def test_verify_runs_the_sources_own(tmp_path, capsys):
    path = saved(tmp_path / "w.pth", shaken(torchvision.models.resnet18(num_classes=3)))
    assert run(["weights", "verify", path, "--network", "resnet18", "--size", "33"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("resnet18 and torchvision resnet18, float64, 33 x 33: largest difference ")
    assert float(out.split()[10]) < 1e-10


def test_verify_finds_a_difference(tmp_path, capsys, monkeypatch):
    path = saved(tmp_path / "w.pth", shaken(torchvision.models.resnet18(num_classes=3)))
    wrong = torchvision.models.resnet18(num_classes=3)
    wrong.maxpool = torch.nn.MaxPool2d(3, 2, ceil_mode=True)
    monkeypatch.setattr(torchvision.models, "get_model_builder", lambda name: lambda num_classes: wrong)
    assert run(["weights", "verify", path, "--network", "resnet18", "--size", "33"]) == 4
    assert "more than rounding" in capsys.readouterr().err


BAD = {
    "no file": (["inspect", "nowhere.pth"], 4, "No such file"),
    "no network": (["convert", "{file}", "--network", "resnet17", "--out", "x.safetensors"], 2, "did you mean"),
    "another network": (["convert", "{file}", "--network", "resnet34", "--out", "x.safetensors"], 4, "missing"),
    "another suffix": (["convert", "{file}", "--network", "resnet18", "--out", "x.pth"], 2, "safetensors"),
    "another source": (["verify", "{file}", "--network", "resnet18", "--source", "cadene"], 4, "not of Cadene's"),
    "unknown source": (["verify", "{file}", "--network", "resnet18", "--source", "tim"], 2, "timm"),
    "nothing to run": (["verify", "{ours}", "--network", "resnet18"], 2, "no implementation to compare with"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors(tmp_path, capsys, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    arguments, code, said = BAD[case]
    theirs, ours = torchvision.models.resnet18(), create("resnet18")
    files = {"file": saved(tmp_path / "w.pth", theirs), "ours": saved(tmp_path / "v.pth", ours)}
    assert run(["weights", *(argument.format(**files) for argument in arguments)]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_command_knows_all_sources():
    assert Source == detect_source.WeightsSource


def test_every_reference_exists():
    assert set(REFERENCES["torchvision"].values()) <= set(torchvision.models.list_models())
    assert {*REFERENCES["timm"].values(), *REFERENCES["cadene"].values()} <= set(timm.list_models())
    assert {ours for names in REFERENCES.values() for ours in names} <= set(NETWORKS)
