# What each command says of a training script's checkpoint, and which of its weights it takes.

import argparse
import json

import pytest
import torch
from kinds import OWN, SPEC
from PIL import Image
from torch import nn

from senet.cli import run

CHOSEN = "the average (state_dict_ema) is loaded; --raw (raw=True) takes state_dict"
OTHER = "state_dict is loaded, not the average (state_dict_ema)"
PHOTOS = ["--data", "folder:photos"]
PASSED = "passed over: args (argparse.Namespace), epoch"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    names = {}
    exec(OWN, names)  # the network that the file makes
    model = names["net"]()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    nn.init.constant_(model[-1].bias, 9.0)
    value = {"state_dict": state, "state_dict_ema": model.state_dict(), "args": argparse.Namespace(lr=1), "epoch": 1}
    torch.save(value, "w.ckpt")
    (tmp_path / "classes.json").write_text('["ant", "bee", "cow"]')
    for split in ("train", "val"):
        for i, name in enumerate(("ant", "bee", "cow")):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            for j in range(2):
                Image.new("RGB", (24, 24), (80 * i, j, 9)).save(tmp_path / "photos" / split / name / f"{j}.png")
    return tmp_path


COMMANDS = {
    "predict": ["predict", "w.ckpt", "photos", "--network", "own.py:net"],
    "evaluate": ["evaluate", "w.ckpt", "--network", "own.py:net", *PHOTOS, "--classes", "classes.json"],
    "convert": ["weights", "convert", "w.ckpt", "--network", "own.py:net", "--out", "o.safetensors"],
    "inspect": ["weights", "inspect", "w.ckpt"],
    "insert": ["insert", "own.py:net", SPEC, "--weights", "w.ckpt", "--out", "with_se", "--example", "1,3,24,24"],
    "train": ["train", "--network", "own.py:net", "--weights", "w.ckpt", *PHOTOS, "--dry-run", "--epochs", "1"],
}


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    "command", [pytest.param(name, marks=[pytest.mark.slow] if name == "train" else []) for name in COMMANDS]
)
def test_row_102_every_command_says_which_weights_it_takes(place, capsys, command, raw):
    assert run([*COMMANDS[command], *(["--raw"] if raw else [])]) == 0
    said = capsys.readouterr()
    both = " ".join((said.out + said.err).split())
    assert (OTHER if raw else CHOSEN) in both
    assert (CHOSEN if raw else OTHER) not in both
    assert PASSED in both


@pytest.mark.parametrize("raw", [False, True])
def test_json_has_what_was_not_used(place, capsys, raw):
    more = ["--json", *(["--raw"] if raw else [])]
    assert run(["weights", "inspect", "w.ckpt", *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["taken"] == ("state_dict" if raw else "state_dict_ema")
    assert found["states"].keys() == {"state_dict", "state_dict_ema"}
    assert found["passed_over"] == ["args (argparse.Namespace)", "epoch"]
    assert run([*COMMANDS["evaluate"], *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["notes_on_weights"][0] == (OTHER if raw else CHOSEN)


def test_attention_for_somebody_elses_network_names_the_command_that_inserts_it(place, capsys):
    for command in ("evaluate", "excite"):
        line = f"{command} w.ckpt --network torchvision:resnet18 --attention SE --data folder:photos"
        assert run(line.split()) == 2
        assert 'senet insert torchvision:resnet18 "SE()" --weights w.ckpt --out' in capsys.readouterr().err
    assert run(["excite", "own.py:net", "--raw", "--data", "folder:photos"]) == 2
    assert "leave --raw out" in capsys.readouterr().err
