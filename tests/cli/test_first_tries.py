"""What people type first, and what it is answered: the flag or the name that is missing, never a silent other thing."""

import json

import pytest
import torch
from torchvision.models import squeezenet1_1

from senet.cli import run
from senet.networks import create
from senet.utils.text import short_name

PLAN = ("--data", "folder:photos", "--precision", "float32", "--threads", "1", "--dry-run")
SE8 = "se8.safetensors"  # an se_resnet8 of three classes


@pytest.fixture(scope="module")
def home(photos, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "photos").symlink_to(photos)
    torch.save(create("se_resnet8", num_classes=3).state_dict(), home / "se8.pth")
    torch.save(squeezenet1_1(num_classes=3).state_dict(), home / "three.pth")
    (home / "own.py").write_text(
        "from torch.nn import *\ndef net(): return Sequential(Conv2d(3, 4, 3), Flatten(), Linear(3600, 3))"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert run(["weights", "convert", "se8.pth", "--network", "se_resnet8", "--out", SE8]) == 0
        words = ["torchvision:squeezenet1_1", "SE(reduction=4)", "--weights", "three.pth", "--out", "with_se"]
        assert run(["insert", *words, "--example", "1,3,32,32"]) == 0
    return home


@pytest.fixture
def here(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    capsys.readouterr()


ANSWERED = {
    "a name of torchvision's alone": (["cost", "squeezenet1_1"], "did you mean torchvision:squeezenet1_1?"),
    "a module's path": (["cost", "torchvision.models.resnet18"], "did you mean torchvision:resnet18?"),
    "a slash": (["cost", "timm/resnet18"], "did you mean timm:resnet18?"),
    "a path that is not there": (["cost", "./with_sse"], "check the path"),
    "a folder as data": (["train", "--network", "resnet8", "--data", "photos"], "write --data folder:photos"),
    "none against none": (["compare", "--attention", "none"], "name a spec"),
    "geometry where none is": (["train", "--network", "resnet8", "--geometry", "torch", *PLAN], "leave it out"),
    "init of nothing": (["train", "--network", "resnet8", "--init", "preserve", *PLAN], "leave --init out"),
    "init of what is there": (
        [
            "train",
            "--network",
            "se_resnet8",
            "--weights",
            SE8,
            "--attention",
            "SE(reduction=8)",
            "--init",
            "paper",
            *PLAN,
        ],
        "leave --init out",
    ),
    "classes of a function": (["cost", "own.py:net", "--size", "32", "--classes", "9"], "--head new --classes 9"),
    "classes of a file": (["cost", SE8, "--classes", "9"], "--head new --classes 9"),
    "a head for how many": (["cost", SE8, "--head", "new"], "pass --classes N"),
    "another in a file's slots": (
        ["train", "--network", SE8, "--attention", "CBAM", *PLAN],
        "--network se_resnet8 takes any attention, or none",
    ),
    "attention of its own": (
        ["train", "--network", "timm:test_efficientnet", "--attention", "none", *PLAN],
        "leave --attention out of senet train or cost",
    ),
    "blocks of another network": (
        ["train", "--network", "torchvision:resnet18", "--weights", "with_se", *PLAN],
        "inserted into torchvision:squeezenet1_1: --network torchvision:squeezenet1_1",
    ),
    "weights as the network": (
        ["evaluate", "three.pth", "--network", "with_se", "--data", "folder:photos"],
        "name it: --network torchvision:squeezenet1_1",
    ),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_the_last_line_says_what_to_type(case, here, capsys):
    words, said = ANSWERED[case]
    assert run(words) in (2, 4)
    assert said in capsys.readouterr().err.splitlines()[-1]


def priced(capsys, *words):
    assert run(["cost", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_files_cost_is_compared_with_the_plain_network_of_as_many_classes(here, capsys):
    found = priced(capsys, SE8)
    assert found["classes"] == 3
    assert found["difference"] == found["attention_share"]


def test_attention_that_a_network_has_of_its_own_is_said(here, capsys):
    assert priced(capsys, "timm:test_efficientnet", "--size", "64")["attention"] == "attention of its own"
    assert priced(capsys, "timm:test_resnet", "--size", "64")["attention"] is None


@pytest.mark.parametrize("command", ["cost", "insert"])
def test_a_librarys_network_has_as_many_classes_as_its_weights(command, here, capsys):
    shape = ["--size", "32"] if command == "cost" else ["SE(reduction=4)", "--example", "1,3,32,32", "--dry-run"]
    assert run([command, "torchvision:squeezenet1_1", *shape, "--weights", "three.pth", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cost" if command == "cost" else "before"]["parameters"] == 724_035


def test_a_plan_names_the_network_that_weights_make_of_a_name(here, capsys):
    assert run(["train", "--network", "resnet8", "--weights", SE8, *PLAN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == "resnet8 with SE(reduction=8)"


def test_a_record_is_shown_as_it_is_written(here, capsys):
    assert run(["weights", "convert", "with_se", "--out", "one.safetensors"]) == 0
    assert run(["weights", "inspect", "one.safetensors"]) == 0
    assert '\n  source = "torchvision:squeezenet1_1"\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("runs/a/weights/best.safetensors", "a"),
        ("with_se/model.toml", "with_se"),
        ("with_se/", "with_se"),
        ("mine.safetensors", "mine"),
        ("torchvision:resnet18", "resnet18"),
        ("pkg.nets:Net", "Net"),
    ],
)
def test_a_runs_folder_is_named_after_what_it_starts_from(name, said):
    assert short_name(name) == said
