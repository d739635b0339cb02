# A trial that is interrupted at any moment goes on from its checkpoint, to the bytes of one that was not.
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import interrupted
import pytest
from PIL import Image

import forked
from launching import environment
from senet.data import DataConfig, open_data, resolved
from senet.data.shards.pack import ShardSize, pack
from senet.errors import DataError
from senet.study.compare import check_plan
from senet.study.plan import Plan
from senet.study.runners import attempt
from senet.study.runners.attempt import attempt_in_process, save_finished
from senet.study.trials.result_files import result_path, unfinished_path, weights_path
from senet.study.trials.trial import run_trial
from senet.study.variant import Variant
from senet.training import Recipe, StoppedError, in_memory

TRIAL = interrupted.trial()
STEPS = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save_finished(TRIAL, run_trial(TRIAL), folder)
    return folder


def assert_same(folder, whole, trial=TRIAL):
    assert weights_path(folder, trial).read_bytes() == weights_path(whole, trial).read_bytes()
    found, expected = (json.loads(result_path(root, trial).read_text())["result"] for root in (folder, whole))
    assert {**found, "seconds": 0} == {**expected, "seconds": 0}
    assert not unfinished_path(folder, trial).exists()


def checkpoints(folder, trial=TRIAL):
    return sorted(path.name for path in (unfinished_path(folder, trial) / "checkpoints").glob("epoch-*"))


def killed_at(folder, call, count, source="digits"):
    """Run the trial in a process that dies at a call; return its exit code."""
    process, _ = forked.start(interrupted.main, folder, source, call, count)
    return forked.ended(process)


def saved_each_step(monkeypatch):
    monkeypatch.setattr(in_memory, "EVERY", 0.0)
    monkeypatch.setattr(in_memory, "SHARE", math.inf)


SAVED, KEPT = "senet.training.checkpoint.manager.write_checkpoint", "senet.study.runners.attempt.write_result"


@pytest.mark.parametrize(
    "deaths",
    [
        [(SAVED, 6)],
        pytest.param([(SAVED, n) for n in (2, 5, 3, 4)], marks=pytest.mark.slow),
        pytest.param(
            [("senet.training.checkpoint.checkpoint.read_checkpoint", 7), (SAVED, 1), (KEPT, 1)], marks=pytest.mark.slow
        ),
    ],
)
def test_row_81_a_trial_that_is_killed_goes_on_from_its_checkpoint(deaths, whole, tmp_path):
    for death in deaths:
        assert killed_at(tmp_path, *death) == -signal.SIGKILL
        assert checkpoints(tmp_path)
    (notice,) = attempt_in_process(TRIAL, tmp_path).notices
    assert notice.startswith("continues at epoch ")
    assert_same(tmp_path, whole)


@pytest.mark.slow
def test_row_81_a_trial_on_shards_that_is_killed_goes_on_too(tmp_path):
    pack(open_data(DataConfig("digits")), tmp_path / "shards", ShardSize(samples=200))
    source, folder, whole = f"shards:{tmp_path / 'shards'}", tmp_path / "killed", tmp_path / "whole"
    trial = interrupted.trial(source)
    assert trial.data.in_memory is False
    save_finished(trial, run_trial(trial), whole)
    for death in ((SAVED, 2), (SAVED, 4), (KEPT, 1)):
        assert killed_at(folder, *death, source=source) == -signal.SIGKILL
        assert checkpoints(folder, trial)
    (notice,) = attempt_in_process(trial, folder).notices
    assert notice.startswith("continues at epoch ")
    assert_same(folder, whole, trial)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_a_trial_after_its_step_and_the_next_attempt_continues(number, whole, tmp_path, monkeypatch):
    real = attempt.write_progress

    def signalled(folder, trial, row=None):
        real(folder, trial, row)
        if row and row.epoch == 1:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(attempt, "write_progress", signalled)
    with pytest.raises(StoppedError) as error:
        attempt_in_process(TRIAL, tmp_path)
    assert error.value.exit_code == 128 + number
    assert error.value.what == f"stopped by signal {number} at epoch 2, step 0"
    assert checkpoints(tmp_path) == ["epoch-00002-step-0000000"]
    monkeypatch.undo()
    assert attempt_in_process(TRIAL, tmp_path).notices == ("continues at epoch 2, step 1",)
    assert_same(tmp_path, whole)


def test_a_signal_that_the_process_ignores_does_not_stop_a_trial(whole, tmp_path, monkeypatch):
    real = attempt.write_progress

    def signalled(folder, trial, row=None):
        real(folder, trial, row)
        os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(attempt, "write_progress", signalled)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        attempt_in_process(TRIAL, tmp_path)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert_same(tmp_path, whole)


def interrupting(folder, trial, row=None):
    if row:
        raise KeyboardInterrupt


def test_a_trial_whose_checkpoints_are_damaged_begins_anew_and_says_so(whole, tmp_path, monkeypatch):
    saved_each_step(monkeypatch)
    with monkeypatch.context() as cut_short:
        cut_short.setattr(attempt, "write_progress", interrupting)
        with pytest.raises(KeyboardInterrupt):
            attempt_in_process(TRIAL, tmp_path)
    for name in checkpoints(tmp_path):
        (unfinished_path(tmp_path, TRIAL) / "checkpoints" / name / "state.json").write_text("{")
    notices = attempt_in_process(TRIAL, tmp_path).notices
    assert len(notices) == 3
    assert all("is not used: damaged" in notice for notice in notices[:2])
    assert notices[2] == "all checkpoints are damaged: it starts over"
    assert_same(tmp_path, whole)


def test_a_disk_that_is_full_for_checkpoints_is_said_and_costs_no_byte(whole, tmp_path, monkeypatch):
    saved_each_step(monkeypatch)
    blocked = unfinished_path(tmp_path, TRIAL) / "checkpoints"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no folder can be made here")
    notices = attempt_in_process(TRIAL, tmp_path).notices
    assert len(notices) == STEPS + TRIAL.recipe.epochs
    assert all("there is no checkpoint yet; training goes on" in notice for notice in notices)
    assert_same(tmp_path, whole)


def test_a_short_trial_writes_no_checkpoint(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("senet.training.checkpoint.manager.write_checkpoint", lambda *called: written.append(called))
    attempt_in_process(replace(TRIAL, seed=1), tmp_path)
    assert written == []


def test_checkpoints_take_a_small_share_of_the_time(tmp_path, monkeypatch):
    written = []

    def slow(checkpoint, folder):
        written.append(folder.name)
        time.sleep(0.1)

    monkeypatch.setattr(in_memory, "EVERY", 0.0)
    monkeypatch.setattr("senet.training.checkpoint.manager.write_checkpoint", slow)
    began = time.monotonic()
    attempt_in_process(replace(TRIAL, recipe=replace(TRIAL.recipe, epochs=6)), tmp_path)
    assert 1 <= len(written) <= 1 + (time.monotonic() - began) / (0.1 / in_memory.SHARE)


@pytest.mark.slow
def test_a_study_that_is_told_to_stop_continues_within_its_trial(tmp_path):
    command = [sys.executable, "-m", "senet", "compare", "--variants", "none", "--seeds", "1", "--epochs", "150"]
    command += ["--train-fraction", "0.2"]
    command += ["--precision", "float32", "--threads", "1", "--workers", "1", "--out", str(tmp_path)]
    subprocess.run([*command, "--name", "whole"], check=True, capture_output=True, env=environment())
    process = subprocess.Popen([*command, "--name", "a"], stderr=subprocess.PIPE, text=True, env=environment())
    paces = tmp_path / "a" / "running"
    while process.poll() is None and not any('"epoch": 0' not in path.read_text() for path in paces.glob("*.json")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert list(Path(tmp_path, "a", "unfinished").glob("*/checkpoints/epoch-*"))
    again = subprocess.run([*command, "--name", "a"], check=True, capture_output=True, text=True, env=environment())
    assert "none, seed 0: continues at epoch " in again.stderr
    (found,), (expected,) = (list((tmp_path / name / "weights").iterdir()) for name in ("a", "whole"))
    assert found.read_bytes() == expected.read_bytes()
    assert (tmp_path / "a" / "results.csv").read_bytes() == (tmp_path / "whole" / "results.csv").read_bytes()


def test_an_image_that_a_trial_leaves_out_is_told(tmp_path):
    for split, count in (("train", 12), ("test", 4)):
        for i in range(count):
            path = tmp_path / "photos" / split / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (20 * i, 9, 9)).save(path)
    (tmp_path / "photos" / "train" / "a" / "0.png").write_bytes(b"torn")
    data = resolved(DataConfig(f"folder:{tmp_path / 'photos'}", image_size=8, in_memory=False))
    recipe = Recipe(epochs=2, batch_size=6)
    plan, feed = check_plan(Plan("resnet8", {"none": Variant()}, 1, data, recipe, on_error="skip"))
    (trial,) = plan.trials(feed.fingerprint(), TRIAL.environment)
    (notice,) = attempt_in_process(trial, tmp_path / "study").notices
    assert "left out: train/a/0.png (sample 0): not an image but text" in notice
    with pytest.raises(DataError, match="not an image"):
        attempt_in_process(replace(trial, on_error="fail"), tmp_path / "other")
