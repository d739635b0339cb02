import csv
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
import safetensors
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from senet.cli import run
from senet.training import Recipe
from senet.training.setup.precision import ChosenPrecision
from senet.utils.dataclass_io import dataclass_from_dict

QUICK = ["--network", "se_resnet8", "--data", "digits", "--train-fraction", "0.1", "--threads", "1"]
FAST = [*QUICK, "--precision", "float32", "--epochs", "2"]


def trained(capsys, arguments, code=0):
    found = run(["train", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def about(path):
    with safetensors.safe_open(path, "pt") as file:
        return json.loads(file.metadata()["senet"])


@pytest.mark.usefixtures("reported")
def test_a_run_leaves_weights_measurements_and_a_report(tmp_path, capsys):
    out, err = trained(capsys, [*FAST, "--out", tmp_path / "run"])
    with (tmp_path / "run/results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert "test accuracy" in out
    assert "epoch 2/2" in err
    for name in ("weights/last.safetensors", "weights/best.safetensors", "metrics.jsonl", "report.html", "run.json"):
        assert (tmp_path / "run" / name).stat().st_size > 0
    said = about(tmp_path / "run/weights/last.safetensors")
    assert said["network"] == "se_resnet8"
    assert said["classes"] == [str(digit) for digit in range(10)]
    assert said["input_transform"]["size"] == [8, 8]


def test_json_is_the_result_and_nothing_else(tmp_path, capsys):
    out, _ = trained(capsys, [*FAST, "--out", tmp_path, "--json"])
    result = json.loads(out)
    assert result["test"]["images"] == 539
    assert result["best"]["epoch"] in (1, 2)


def test_flags_win_over_the_file_and_both_are_in_the_record(tmp_path, capsys):
    (tmp_path / "r.toml").write_text("epochs = 9\nlr = 0.05\n[ema]\ndecay = 0.9\n[mix]\nmixup = 0.2\n")
    trained(capsys, [tmp_path / "r.toml", *FAST, "--no-ema.ramp", "--without", "mix", "--out", tmp_path / "a"])
    recipe = dataclass_from_dict(Recipe, json.loads((tmp_path / "a/run.json").read_text())["recipe"])
    assert (recipe.epochs, recipe.lr, recipe.ema.decay, recipe.ema.ramp, recipe.mix) == (2, 0.05, 0.9, False, None)


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path, capsys):
    out, _ = trained(capsys, [*FAST, "--out", tmp_path / "run", "--dry-run"])
    assert "epochs = 2" in out
    assert not (tmp_path / "run").exists()
    out, _ = trained(capsys, [*FAST, "--out", tmp_path / "run", "--dry-run", "--json"])
    assert json.loads(out)["steps"] == 2 * 4


def test_precision_and_threads_are_settled_once_and_kept_by_a_resumed_run(tmp_path, capsys, monkeypatch):
    measured = iter([ChosenPrecision("bf16", "measured now")])
    monkeypatch.setattr("senet.cli.train.job.choose_precision", lambda *args: next(measured))
    arguments = ["--network", "resnet8", "--data", "digits", "--train-fraction", "0.1", "--out", tmp_path]
    monkeypatch.setattr("senet.cli.train.job.available_cores", lambda: 1)
    _, err = trained(capsys, [*arguments, "--epochs", "1"])
    assert err.startswith("note: precision bf16: measured now\n")
    monkeypatch.setattr("senet.cli.train.job.available_cores", lambda: 2)
    _, err = trained(capsys, [*arguments, "--epochs", "2", "--resume"])
    assert err.startswith("note: precision bf16: as it began\n")
    assert "recipe.epochs 1 -> 2" in err
    recipe = json.loads((tmp_path / "run.json").read_text())["recipe"]
    assert (recipe["precision"], recipe["threads"]) == ("bf16", 1)


def test_row_61_a_complete_run_that_is_resumed_says_so(tmp_path, capsys):
    trained(capsys, [*FAST, "--out", tmp_path])
    before = (tmp_path / "results.csv").read_bytes()
    _, err = trained(capsys, [*FAST, "--out", tmp_path, "--resume"])
    assert "complete at 2/2 epochs, nothing to do" in err
    assert (tmp_path / "results.csv").read_bytes() == before


def test_the_same_command_twice_trains_twice_and_an_unfinished_run_asks_for_resume(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*FAST[:-1], "1", "--attention", "SE(reduction=4)"]
    first, second = (tmp_path / "runs" / f"se_resnet8-SE(reduction=4)-digits{end}" for end in ("", "-2"))
    trained(capsys, words)
    out, err = trained(capsys, [*words, "--dry-run", "--json"])
    plan = json.loads(out)
    assert tmp_path / plan["folder"] == second
    assert f"the run goes to {plan['folder']}, since" in err
    _, err = trained(capsys, [*words, "--out", first], 2)
    assert "a run that finished" in err
    trained(capsys, words)
    assert (second / "weights/last.safetensors").read_bytes() == (first / "weights/last.safetensors").read_bytes()
    (second / "result.json").unlink()  # as if it had been stopped
    for more in ([], ["--dry-run"]):
        _, err = trained(capsys, [*words, *more], 2)
        assert "not finished\nruns/se_resnet8-SE(reduction=4)-digits-2\nadd --resume to continue it" in err
    _, err = trained(capsys, [*words, "--resume"])
    assert (second / "result.json").exists()
    assert "note: --resume takes runs/se_resnet8-SE(reduction=4)-digits-2, the newest run of its name" in err


def test_two_commands_of_one_process_have_each_its_own_log(tmp_path, capsys):
    before = list(logging.getLogger("senet").handlers)
    for name in ("a", "b"):
        trained(capsys, [*FAST[:-1], "1", "--out", tmp_path / name])
    for name in ("a", "b"):
        assert (tmp_path / name / "log.txt").read_text().count("precision float32") == 1
    assert logging.getLogger("senet").handlers == before


@pytest.mark.slow
def test_row_66_stopped_by_ctrl_c_the_printed_line_ends_with_the_same_bytes(tmp_path):
    command = [sys.executable, "-m", "senet", "train", *QUICK, "--precision", "float32", "--epochs", "5"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, "--out", tmp_path / "whole"], check=True, capture_output=True, env=environment)
    process = subprocess.Popen(
        [*command, "--out", tmp_path / "run"], stderr=subprocess.PIPE, text=True, env=environment
    )
    until = time.monotonic() + 120
    while not (tmp_path / "run/checkpoints").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    err = process.communicate()[1]
    assert process.returncode == 130, err
    *_, line = err.strip().splitlines()
    assert line.startswith("python -m senet train")
    assert line.endswith("--resume")
    assert "error" not in err
    words = shlex.split(line)
    subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True, env=environment)
    for name in ("weights/last.safetensors", "weights/best.safetensors", "results.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.fixture
def photos(tmp_path):
    for split in ("train", "val"):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            for i in range(6):
                colour = (200 * label, 30 * i, 9)
                Image.new("RGB", (70, 66), colour).save(tmp_path / "photos" / split / name / f"{i}.jpg")
    return tmp_path / "photos"


def test_attention_goes_into_a_network_of_torchvisions_and_photographs_are_decoded_as_they_go(photos, tmp_path, capsys):
    source = [
        "--network",
        "torchvision:shufflenet_v2_x0_5",
        "--attention",
        "SE(reduction=8)",
        "--data",
        f"folder:{photos}",
    ]
    arguments = [*source, "--image-size", 64, "--epochs", 1, "--batch-size", 5, "--workers", 1, "--threads", 1]
    trained(capsys, [*arguments, "--precision", "float32", "--out", tmp_path / "run"])
    path = tmp_path / "run/weights/last.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        names = file.keys()  # a file of safetensors is no mapping: it cannot be iterated itself
    assert sum("attention." in name for name in names) == 16 * 4
    assert "SE(reduction=8" in about(path)["record"]
    assert about(path)["classes"] == ["cat", "dog"]


def test_a_folder_of_senet_insert_is_trained_further(photos, tmp_path, capsys):
    source = "torchvision:shufflenet_v2_x0_5"
    made = [
        "insert",
        source,
        "SE(reduction=8)",
        "--example",
        "1,3,64,64",
        "--classes",
        "2",
        "--out",
        str(tmp_path / "with"),
    ]
    assert run(made) == 0
    arguments = [
        "--network",
        tmp_path / "with",
        "--data",
        f"folder:{photos}",
        "--image-size",
        64,
        "--epochs",
        1,
        "--threads",
        1,
    ]
    _, err = trained(
        capsys, [*arguments, "--batch-size", 6, "--precision", "float32", "--workers", 0, "--out", tmp_path / "run"]
    )
    assert "epoch 1/1" in err
    _, err = trained(capsys, [*arguments, "--attention", "SE", "--out", tmp_path / "other"], code=2)
    assert "has attention already" in err
    assert "to take this one as it is, leave --attention out of senet train" in err
    _, err = trained(capsys, [*arguments, "--weights", "w.pth", "--out", tmp_path / "other"], code=2)
    assert "leave --weights out" in err


def test_training_starts_from_weights(tmp_path, capsys):
    trained(capsys, [*FAST, "--out", tmp_path / "first"])
    start = tmp_path / "first/weights/last.safetensors"
    still = ["--lr", 0, "--precision", "float32", "--epochs", 1]  # so momentum and weight decay move nothing either
    trained(capsys, [*QUICK, "--weights", start, *still, "--out", tmp_path / "second"])
    before, after = load_file(start), load_file(tmp_path / "second/weights/last.safetensors")
    assert before.keys() == after.keys()
    buffers = {name for name in before if name.endswith(("running_mean", "running_var", "num_batches_tracked"))}
    for name in before.keys() - buffers:
        assert before[name].numpy().tobytes() == after[name].numpy().tobytes(), name
    assert 0 < len(buffers) < len(before)
    assert all(not torch.equal(before[name], after[name]) for name in buffers), "the images were seen"


def test_tensorboard_gets_losses_and_scores(tmp_path, capsys):
    arguments = [*QUICK, "--precision", "float32", "--batch-size", 8, "--epochs", 2, "--out", tmp_path]
    trained(capsys, [*arguments, "--track", "tensorboard"])
    events = EventAccumulator(str(tmp_path / "trackers/senet"))
    events.Reload()
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = [event.value for event in events.Scalars("validation_top1")]
    assert found == pytest.approx([float(row["validation_top1"]) for row in rows], rel=1e-6)
    assert events.Scalars("loss")


USUAL = {"--network": "se_resnet8", "--data": "digits", "--epochs": "2", "--precision": "float32"}
REFUSED = {
    "no such network": ({"--network": "resnet9"}, 2, "did you mean"),
    "no such data": ({"--data": "digit"}, 2, "did you mean digits"),
    "no folder": ({"--data": "folder:/nowhere"}, 3, "nowhere"),
    "no such device": ({"--device": "cuda:7"}, 2, "cannot be used"),
    "no such tracker": ({"--track": "tensorbord"}, 2, "did you mean tensorboard"),
    "not installed": ({"--track": "wandb"}, 2, "pip install wandb"),
    "a spec that does not fit": ({"--attention": "SE(reduction=999)"}, 2, "reduction"),
    "a recipe that is not there": ({"nowhere.toml": None}, 2, "nowhere.toml"),
    "views of another size": ({"--views.size": "32"}, 2, "views.size=32"),
    "nothing to resume": ({"--resume": None}, 2, "no run to resume"),
    "a contradiction": ({"--warm-up.epochs": "2"}, 2, "does not end before epochs=2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_any_work(name, tmp_path, capsys):
    changed, code, said = REFUSED[name]
    arguments = [word for pair in (USUAL | changed).items() for word in pair if word]
    _, err = trained(capsys, [*arguments, "--out", tmp_path / "run"], code)
    assert said in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("run/weights/*"))
