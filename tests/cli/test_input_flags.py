"""Flags of the input, and the size that images have, as every command says and takes them."""

import json

import pytest
from PIL import Image

from senet import load
from senet.cli import run
from senet.data import DataConfig
from senet.data.transforms.input_settings import InputSettings
from senet.models import ModelRequest
from senet.study.plan import Trial
from senet.study.study_file import read_study
from senet.study.trials.train_command import train_command
from senet.training import Recipe

MEAN = ["--mean", "0.1", "0.2", "0.3"]
QUICK = ["--epochs", "1", "--batch-size", "8", "--precision", "float32", "--threads", "1"]


@pytest.fixture
def odd(tmp_path):
    """Photos of 12 x 12, of which one is 13 x 13."""
    root = tmp_path / "odd"
    for split in ("train", "test"):
        for number, label in enumerate(("cat", "dog")):
            (root / split / label).mkdir(parents=True)
            for i in range(8):
                side = 13 if (split, label, i) == ("train", "dog", 5) else 12
                Image.new("RGB", (side, side), (30 * i, 100 * number, 9)).save(root / split / label / f"{i}.png")
    return root


def said(capsys):
    out, err = capsys.readouterr()
    return out, " ".join(err.split())


@pytest.mark.parametrize("more", [[], ["--on-error", "skip"], ["--in-memory", "no"], ["--workers", "2"]], ids=str)
def test_train_says_the_size_and_counts_the_odd_image(odd, tmp_path, capsys, more):
    words = ["train", "--network", "resnet8", "--data", f"folder:{odd}", *QUICK, "--out", str(tmp_path / "run"), *more]
    assert run([*words, "--dry-run", "--json"]) == 0
    out, err = said(capsys)
    plan = json.loads(out)
    assert (plan["input"], plan["resized_images"]) == ([3, 12, 12], 1)
    assert "note: images are 12 x 12 (31 of 32; 1 is resized)" in err


def test_what_a_run_leaves_counts_the_odd_image_too(odd, tmp_path, capsys):
    folder = tmp_path / "run"
    words = ["train", "--network", "resnet8", "--data", f"folder:{odd}", *QUICK, *MEAN, "--out", str(folder), "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["resized_images"] == 1
    sizes = json.loads((folder / "run.json").read_text())["sizes"]
    assert sizes == {"size": [12, 12], "images": 32, "resized": 1, "why": ""}
    assert load(folder / "weights" / "last.safetensors").transform.mean == (0.1, 0.2, 0.3)


@pytest.mark.usefixtures("trials_here")
def test_compare_says_the_size_once_and_takes_a_table_of_data(odd, tmp_path, capsys):
    study = tmp_path / "mine.toml"
    study.write_text(
        f'network = "resnet8"\nseeds = 1\n[data]\nsource = "folder:{odd}"\nmean = [0.1, 0.2, 0.3]\n'
        '[variants]\nnone = "none"\nSE = "SE(reduction=4)"\n'
    )
    words = ["compare", "--study", str(study), *QUICK, "--workers", "1", "--out", str(tmp_path), "--std", "1", "1", "1"]
    assert run([*words, "--name", "x", "--json"]) == 0
    _, err = said(capsys)
    assert err.count("images are 12 x 12 (31 of 32; 1 is resized)") == 1
    settings = json.loads((tmp_path / "x" / "study.json").read_text())["settings"]
    assert settings["sizes"]["resized"] == 1
    assert settings["data"]["input"]["mean"] == [0.1, 0.2, 0.3]
    transform = load(next((tmp_path / "x" / "weights").glob("*.safetensors"))).transform
    assert (transform.mean, transform.std) == ((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))


def test_a_table_of_data_is_read_strictly(tmp_path):
    file = tmp_path / "study.toml"
    for line, what in (
        ("meen = [0.1]", "unknown key data.meen"),
        ("mean = 0.5", "data.mean"),
        ("crop_pct = 2", "crop"),
    ):
        file.write_text(f'[data]\nsource = "digits"\n{line}\n[variants]\nnone = "none"\n')
        with pytest.raises(ValueError, match=what):
            read_study(file)


def test_the_command_that_trains_a_trial_again_has_the_flags_and_its_key_moves():
    def trial(given):
        data = DataConfig("digits", input=given)
        return Trial("none", "resnet8", None, ModelRequest("resnet8").placement, data, "f", Recipe(), 0, {})

    given = InputSettings(mean=(0.25,), in_channels=1)
    assert "--mean 0.25 --in-channels 1" in train_command(trial(given), ModelRequest("resnet8", "none"))
    assert "--mean" not in train_command(trial(InputSettings()), ModelRequest("resnet8", "none"))


COMMANDS = {
    "evaluate": lambda w, photos: ["evaluate", w, "--data", f"folder:{photos}", "--json"],
    "predict": lambda w, photos: ["predict", w, str(photos / "test"), "--format", "json"],
    "insert": lambda w, photos: ["insert", w, "SE(reduction=4)", "--out", "with_se", "--json"],
    "convert": lambda w, photos: ["weights", "convert", w, "--out", "out.safetensors"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_weights_say_of_their_input_is_replaced_and_that_is_said(command, weights_here, photos_here, capsys):
    before = load(weights_here).transform
    assert run([*command(weights_here, photos_here), *MEAN, "--interpolation", "bicubic"]) == 0
    _, err = said(capsys)
    shown = " ".join(f"{value:g}" for value in before.mean)
    assert f"note: the weights say mean {shown}; --mean takes 0.1 0.2 0.3" in err
    assert "note: the weights say interpolation bilinear; --interpolation takes bicubic" in err
    for written in ("with_se", "out.safetensors"):
        if written in command(weights_here, photos_here):
            found = load(written).transform
            assert (found.mean, found.interpolation) == ((0.1, 0.2, 0.3), "bicubic")
            assert (found.std, found.size, found.resize) == (before.std, before.size, before.resize)


def test_flags_that_cannot_be_say_which_and_what_to_do(odd, capsys):
    for words, expected in (
        (["--mean", "0.5"], "--mean has 1 value, but images have 3 channels give 3, or say --in-channels 1"),
        (["--crop-pct", "0"], "crop_pct=0.0 is not in (0, 1]"),
        (["--std", "1", "0", "1"], "every value must be above 0"),
    ):
        assert run(["train", "--network", "resnet8", "--data", f"folder:{odd}", *words]) == 2
        assert expected in said(capsys)[1]


@pytest.mark.slow
def test_a_transformer_names_its_size_in_every_command_and_takes_it(odd, capsys):
    pytest.importorskip("timm")
    vit = "timm:vit_tiny_patch16_224"
    data = ["--data", f"folder:{odd}", *QUICK]
    for words, command in (
        (["train", "--network", vit, *data, "--dry-run"], "train"),
        (["compare", "--network", vit, *data, "--variants", "none", "--seeds", "1", "--dry-run"], "compare"),
        (["insert", vit, "SE", "--dry-run"], "insert"),
        (["cost", vit], "cost"),
    ):
        assert run([*words, "--image-size", "64"]) == 2, command
        assert "the network is made for images of 224 x 224 (--image-size 224)" in said(capsys)[1]
    assert run(["cost", vit, "--image-size", "224"]) == 0
    assert run(["train", "--network", vit, *data, "--image-size", "224", "--dry-run"]) == 0
