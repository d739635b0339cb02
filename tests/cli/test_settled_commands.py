# What two like commands say of what they settled by measuring.
import json

import pytest

from senet.cli import run
from senet.training.setup import step_time_cache

DIGITS = ["--data", "digits", "--train-fraction", "0.05", "--epochs", "1"]
TRAIN = ["train", "--network", "resnet8", *DIGITS, "--threads", "1"]
COMPARE = ["compare", "--seeds", "2", *DIGITS, "--dry-run", "--json"]


@pytest.fixture(autouse=True)
def clock(tmp_path, monkeypatch):
    """Every measurement comes out otherwise than the one before it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said = {"bf16": 0.1}

    def measured(model, feed, batch_size, ways):
        bf16 = said["bf16"] = 10 - said["bf16"]
        return {way: bf16 if way.precision == "bf16" else 1.0 for way in ways}

    monkeypatch.setattr(step_time_cache, "step_seconds", measured)


def values(words, capsys):
    assert run(list(words)) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def test_row_107_two_train_commands_that_differ_in_workers_are_settled_alike(capsys, tmp_path):
    plan, err = values([*TRAIN, "--dry-run", "--json"], capsys)
    assert err.startswith("note: precision float32: bf16 steps 0.1x as fast as float32, measured now, kept in ")
    assert plan["recipe"]["precision"] == "float32"
    said, err = values([*TRAIN, "--workers", "1", "--out", "a", "--json"], capsys)
    line = err.splitlines()[0]
    assert line.startswith("note: precision float32: bf16 steps 0.1x as fast as float32, measured before, kept in ")
    assert line.endswith("; --precision measure renews it")
    assert said["precision"]["precision"] == "float32"
    kept_there = json.loads((tmp_path / "a" / "run.json").read_text())["precision"]
    assert kept_there == {"value": "float32", "origin": said["precision"]["origin"]}


def test_row_107_two_studies_that_differ_in_workers_or_in_the_order_of_variants_are_settled_alike(capsys, tmp_path):
    orders = ["none", "SE(reduction=4)"], ["SE(reduction=4)", "none"]
    found = [
        values([*COMPARE, "--variants", *order, "--workers", workers], capsys)[0]["precision"]
        for order in orders
        for workers in ("1", "2")
    ]
    assert {one["precision"] for one in found} == {"float32"}
    assert ["measured now" in one["origin"] for one in found] == [True, False, False, False]
    renewed = values([*COMPARE, "--precision", "measure"], capsys)[0]["precision"]
    assert renewed["precision"] == "bf16"


def test_measure_is_a_word_of_the_command_line_and_no_precision_of_a_recipe(capsys, tmp_path):
    plan, _ = values([*TRAIN, "--dry-run", "--json"], capsys)
    assert plan["precision"]["precision"] == plan["recipe"]["precision"] == "float32"
    (tmp_path / "r.toml").write_text('precision = "float32"\n')
    given, _ = values(["train", "r.toml", *TRAIN[1:], "--dry-run", "--json"], capsys)
    assert given["precision"] == {"precision": "float32", "origin": "given"}
    over, _ = values(["train", "r.toml", *TRAIN[1:], "--dry-run", "--json", "--precision", "measure"], capsys)
    assert over["precision"]["precision"] == over["recipe"]["precision"] == "bf16"
    (tmp_path / "r.toml").write_text('precision = "measure"\n')
    assert run(["train", "r.toml", *TRAIN[1:], "--dry-run"]) == 2
    assert "precision='measure' is not one of float32, bf16, fp16" in capsys.readouterr().err


def test_a_shipped_recipe_opens_by_its_name_from_any_folder(capsys, tmp_path):
    plan = ["--network", "resnet8", "--data", "digits", "--without", "views", "steps", "--schedule", "cosine"]
    plan += ["--precision", "float32", "--threads", "1", "--dry-run", "--json"]
    for name in ("cifar_resnet", "cifar_resnet.toml", "recipes/cifar_resnet.toml"):
        assert values(["train", name, *plan], capsys)[0]["recipe"]["batch_size"] == 128
    (tmp_path / "cifar_resnet").write_text("batch_size = 7\n")
    assert values(["train", "cifar_resnet", *plan], capsys)[0]["recipe"]["batch_size"] == 7
    assert run(["train", "cifar_resnt", *plan]) == 2
    assert "did you mean cifar_resnet" in capsys.readouterr().err
    assert run(["train", "elsewhere/cifar_resnet.toml", *plan]) == 2


def test_the_recipes_lie_in_the_package():
    from importlib.resources import files

    names = {entry.name for entry in (files("senet") / "recipes").iterdir()}
    assert {"senet.toml", "cifar_resnet.toml", "senet_released.toml"} <= names
