# senet train as several processes: one voice, one folder, one exit code.
import csv
import json
import os
import signal
import sys
import time

import pytest

from launching import TORCHRUN, clear, ended, start, torchrun
from senet.cli import run

pytestmark = pytest.mark.xdist_group("ranks")  # one launch at a time

SENET = ("-m", "senet", "train", "--network", "resnet8", "--data", "digits", "--train-fraction", "0.1")
BRIEF = (*SENET, "--precision", "float32", "--batch-size", "16", "--epochs")
QUICK = (*BRIEF, "2")
TWO = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}


def rows(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    code, said = ended(torchrun(2, *QUICK, "--out", folder, "--track", "tensorboard"))
    assert code == 0, said
    return folder, said


@pytest.mark.slow
def test_two_ranks_speak_with_one_voice_and_write_one_folder(two):
    folder, said = two
    assert said.count("test accuracy") == said.count("epoch 2/2: ") == 1
    assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
    assert rows(folder)[0]["validation_images"] == "126"
    record = json.loads((folder / "run.json").read_text())
    assert (record["identity"]["environment.ranks"], record["recipe"]["batch_size"]) == (2, 16)
    assert (folder / "report.html").exists()
    writers = {path.name.split(".")[-2] for path in (folder / "trackers").rglob("events.*")}
    assert len(writers) == 1, "process ids"


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_ranks_and_says_so(two, tmp_path):
    onwards = ["--resume", "--json", "--out", two[0]]
    code, said = ended(start(sys.executable, *BRIEF, "3", *onwards))
    assert code == 0, said
    assert "environment.ranks 2 -> 1" in said
    assert "sums are rounded otherwise" in said
    code, said = ended(torchrun(2, *BRIEF, "4", *onwards))
    assert code == 0, said
    assert json.loads(said.splitlines()[-1])["test"]["images"] == 539


@pytest.mark.slow
def test_row_73_max_restarts_continues_without_being_asked_to_resume(tmp_path):
    command = [*BRIEF, "12", "--threads", "1", "--save-every", "3", "--out"]
    process = torchrun(2, *command, tmp_path / "killed", restarts=1)
    checkpoints = tmp_path / "killed/checkpoints"
    while max((path.name for path in checkpoints.glob("epoch-*")), default="") < "epoch-00002":
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(json.loads((tmp_path / "killed/.lock.json").read_text())["pid"], signal.SIGKILL)
    code, said = ended(process)
    assert code == 0, said
    assert "note: continues at epoch" in said
    code, said = ended(torchrun(2, *command, tmp_path / "whole"))
    assert code == 0, said
    for name in ("weights/last.safetensors", "weights/best.safetensors", "results.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.slow
def test_an_error_of_all_ranks_is_said_once_and_sets_the_exit_code_of_each(tmp_path):
    code, said = ended(torchrun(2, *BRIEF, "0", "--out", tmp_path))
    assert code != 0
    assert said.count("error: recipe: epochs=0 is below 1") == 1
    assert "exitcode  : 2" in said


@pytest.mark.slow
def test_row_76_a_port_in_use_is_named(tmp_path):
    hold = (
        "import socket, time; s = socket.create_server(('', 0)); print(s.getsockname()[1], flush=True); time.sleep(600)"
    )
    with start(sys.executable, "-c", hold) as holder:
        port = holder.stdout.readline().strip()
        code, said = ended(start(sys.executable, *QUICK, "--out", tmp_path, **TWO, MASTER_PORT=port))
        clear(holder)
    assert code == 6, said
    assert "error: the port is in use" in said
    assert f"localhost:{port}" in said


@pytest.mark.slow
def test_ranks_that_are_asked_for_different_things_are_refused(tmp_path):
    script = tmp_path / "unlike.py"
    script.write_text(
        "import os, sys\nfrom senet.cli import run\n"
        "sys.argv[-1] = '0.' + os.environ['RANK'].replace('0', '5')\nsys.exit(run(sys.argv[1:]))\n"
    )
    code, said = ended(
        start(*TORCHRUN, "--nproc-per-node", "2", script, *QUICK[2:], "--out", tmp_path / "a", "--lr", "0")
    )
    assert code != 0
    assert "recipe.lr 0.5 -> 0.1" in said


def test_row_76_a_missing_rendezvous_is_named(monkeypatch, capsys, tmp_path):
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    assert run([*QUICK[2:], "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "error: a distributed run, but MASTER_PORT is not set" in said
    assert "torchrun --nproc-per-node N -m senet" in said


def test_predict_refuses_to_be_several_processes(monkeypatch, capsys):
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)
    assert run(["predict", "w.safetensors", "photo.jpg"]) == 2
    assert "senet predict is one process, but was started as 2 ranks" in capsys.readouterr().err
