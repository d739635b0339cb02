"""Every command takes a list of images, says what of its data it does not use, and keeps that in its JSON."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from matrix import COLOURS, QUICK

from senet.cli import run

SPEC = "SE(reduction=4)"


@pytest.fixture(scope="module")
def home(photos, tmp_path_factory):
    """Photos with an image that nothing reads in train and in test, a list of them, and weights with attention."""
    from senet import create, save_weights

    home = tmp_path_factory.mktemp("unused")
    shutil.copytree(photos, home / "photos")
    for split in ("train", "test"):
        (home / "photos" / split / "red" / "x.heic").write_bytes(b"x")
    with (home / "list.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label", "split", "taken_by"))
        for path in sorted((home / "photos").rglob("*.png")):
            split, label = path.parts[-3:-1]
            rows.writerow((path.relative_to(home).as_posix(), label, {"val": "validation"}.get(split, split), "me"))
    about = {"classes": list(COLOURS)}
    about["input_transform"] = {"size": [24, 24], "mean": [0.5] * 3, "std": [0.25] * 3}
    save_weights(create("se_resnet8", num_classes=3), home / "w.safetensors", about=about)
    return home


@pytest.fixture
def told(home, capsys, monkeypatch, tmp_path):
    """Return what a command prints and says."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*words):
        capsys.readouterr()
        found, printed = run([*map(str, words)]), capsys.readouterr()
        assert found == 0, printed.err
        return json.loads(printed.out), " ".join(printed.err.split())

    return call


def commands(source, tmp):
    learn = ["--network", "resnet8", *QUICK, "--image-size", "24", "--json", "--dry-run"]
    return {
        "train": ["train", "--data", source, *learn, "--out", tmp / "run"],
        "evaluate": ["evaluate", "w.safetensors", "--data", source, "--json"],
        "excite": ["excite", "w.safetensors", "--data", source, "--out", tmp / "x", "--json"],
        "check": ["data", "check", source, "--json"],
        "pack": ["data", "pack", source, "--out", tmp / "packed", "--json"],
    }


NAMES = tuple(commands("", Path()))
SCORES = ("evaluate", "excite")  # read one split


@pytest.mark.parametrize("name", NAMES)
def test_row_95_every_command_counts_what_it_does_not_use(name, told, tmp_path):
    found, said = told(*commands("folder:photos", tmp_path)[name])
    splits = ("test",) if name in SCORES else ("train", "test")
    assert [(one["why"], one["split"], one["count"]) for one in found["unused"]] == [
        ("format", split, 1) for split in splits
    ]
    count = f"{len(splits)} ({', '.join(f'{split} 1' for split in splits)}): {splits[0]}/red/x.heic"
    assert f"not used, images of kinds that are not read (convert them to .png or .jpg): {count}" in said


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_a_list(name, told, tmp_path):
    found, said = told(*commands("list:list.csv", tmp_path)[name])
    assert {one["why"]: one["count"] for one in found["unused"]} == {"column": 1, "unlisted": 2}
    assert "columns that are not read: 1: taken_by" in said
    counts = {
        "train": lambda: (found["validation_images"], found["test_images"]) == (13, 13),
        "evaluate": lambda: (found["images"], found["data"]) == (13, "list:list.csv, test"),
        "excite": lambda: found["groups"][0]["images"] == 13,
        "check": lambda: [one["images"] for one in found["splits"]] == [36, 13, 13],
        "pack": lambda: found["splits"]["train"] == {"images": 36, "shards": 1},
    }
    assert counts[name](), found


def test_predict_and_compare_take_a_list_and_say_what_is_not_used(home, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(home)
    assert run(["predict", "w.safetensors", "--data", "list:list.csv", "--format", "csv", "--top", "1"]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 14
    assert "that no row names: 2: photos/test/red/x.heic, photos/train/red/x.heic" in " ".join(printed.err.split())
    words = ["--data", "list:list.csv", "--network", "resnet8", *QUICK, "--image-size", "24", "--seeds", "1"]
    assert run(["compare", *words, "--attention", SPEC, "--dry-run", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "36 images to train on, 13 to score" in " ".join(printed.out.split())
    assert "columns that are not read: 1: taken_by" in " ".join(printed.err.split())


def test_a_bare_path_of_a_list_is_checked(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    assert run(["data", "check", "list.csv"]) == 0
    assert "unlisted: write rows for them, or remove them" in capsys.readouterr().out


def test_the_remedy_of_one_broken_image_names_the_check_that_lists_all(home, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(home / "photos", tmp_path / "photos")
    (tmp_path / "photos" / "test" / "red" / "0.png").write_bytes(b"<html>")
    assert run(["evaluate", str(home / "w.safetensors"), "--data", "folder:photos"]) == 3
    assert "senet data check, with the same --data, lists all such" in capsys.readouterr().err
    assert run(["data", "check", "--data", "folder:photos"]) == 3
    assert "test/red/0.png" in capsys.readouterr().out
