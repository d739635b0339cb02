"""Trained runs, made once, for the commands that read weights: on photos to be spoilt, and on coloured shapes."""

import shutil

import pytest
from pictures import picture
from shapes import alone, learned, pictures

from in_process import Here
from senet.cli import run
from senet.study.trials import time_estimate
from senet.study.trials.time_estimate import TrialTimes

CLASSES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def _unrehearsed(monkeypatch):
    """A plan's time is found by processes that take seconds to start; tests/study/test_rehearsal.py starts them."""
    made = TrialTimes(ready=3.0, before=0.1, step=0.01, opening=0.0, image=0.001, alone=0.001)
    monkeypatch.setattr(time_estimate, "benchmark_trials", lambda trials, processes: [made] * len(trials))


@pytest.fixture
def reported():
    """Runs leave their report, as they do for users."""


@pytest.fixture(autouse=True)
def _unreported(request, monkeypatch):
    """No other run does: drawing it takes longer than these runs, and tests/training/test_run_report.py reads it."""
    if "reported" not in request.fixturenames:
        monkeypatch.setattr("senet.cli.train.run._report", lambda folder, console: None)


@pytest.fixture
def trials_here(monkeypatch):
    """A study's trials run in this process: one of their own takes seconds to start, as in test_errors.py."""
    monkeypatch.setattr("senet.cli.compare.job.LocalRunner", lambda processes: Here())


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory):
    """A run folder and the photos it was trained on."""
    root = tmp_path_factory.mktemp("trained")
    for split, count in (("train", 8), ("val", 3), ("test", 4)):
        for label, name in enumerate(CLASSES):
            (root / "photos" / split / name).mkdir(parents=True)
            for i in range(count):
                picture(label, 10 * i + label).save(root / "photos" / split / name / f"{i}.png")
    words = ["--network", "resnet8", "--data", f"folder:{root / 'photos'}", "--epochs", "2", "--batch-size", "8"]
    assert run(["train", *words, "--threads", "1", "--precision", "float32", "--out", str(root / "run")]) == 0
    return root / "run", root / "photos"


@pytest.fixture
def weights_here(trained_run, tmp_path, monkeypatch):
    """The weights file alone, in the current folder."""
    shutil.copy(trained_run[0] / "weights" / "last.safetensors", tmp_path / "w.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return "w.safetensors"


@pytest.fixture
def photos_here(trained_run, tmp_path):
    """A copy of the photos, to be spoilt."""
    shutil.copytree(trained_run[1], tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Pictures of shapes, not to be changed."""
    return pictures(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def trained(photos, tmp_path_factory):
    """A run on them."""
    return learned(photos, tmp_path_factory.mktemp("learned") / "run")


@pytest.fixture
def weights(trained, tmp_path):
    """The weights file alone, in a folder of its own."""
    return alone(trained, tmp_path / "alone")
