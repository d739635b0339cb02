import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors import safe_open

import senet
from catalogue_of_blocks import OWN, SMALL
from in_process import Here
from senet.attention import SE, from_dict
from senet.data import DataConfig, load, open_data, resolved
from senet.data.shards.pack import pack
from senet.errors import DataError, ResourceError, UsageError
from senet.models import Placement
from senet.networks import create
from senet.study.build_variants import variants_from_specs
from senet.study.compare import check_plan, compare
from senet.study.plan import Plan
from senet.study.progress import NullProgress
from senet.study.runners.local import LocalRunner
from senet.study.trials.cost import variant_costs
from senet.study.trials.result_files import failure_path, read_result, result_path
from senet.study.trials.trial import run_trial
from senet.study.variant import Variant
from senet.training import Recipe, evaluate, memory_feed, open_feed
from senet.training.recipe.settings import Views
from senet.training.writer.folder_writer import lock_folder
from senet.utils.environment import environment

SETTINGS = resolved(DataConfig("digits", train_fraction=0.05))
HERE = Here()
# Module-scoped studies take seconds: keep them in one process.
pytestmark = pytest.mark.xdist_group("study")

PLAN = Plan("resnet8", variants_from_specs(("none", "SE(reduction=4)")), 2, SETTINGS, Recipe(epochs=2, batch_size=16))


class Recorder(NullProgress):
    def __init__(self):
        self.began, self.trials, self.failures = None, [], []

    def begin(self, total, finished):
        self.began = (total, finished)

    def trial(self, result):
        self.trials.append(result)

    def failed(self, trial, failure):
        self.failures.append((trial.variant, trial.seed, failure))


def run(folder, plan=PLAN, runner=HERE):
    progress = Recorder()
    return compare(plan, open_feed(plan.data, plan.recipe), folder, runner, progress), progress


def accuracy_of(model, data):
    return evaluate(model, data.validation, memory_feed(data, PLAN.recipe).transform.normalise, PLAN.recipe.compute)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    summary, progress = run(folder, runner=LocalRunner(2))
    return folder, summary, progress


def test_a_study_leaves_its_files(finished):
    folder, summary, progress = finished
    assert progress.began == (4, 0)
    assert len(progress.trials) == 4
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "study.json",
        "results.jsonl",
        "results.csv",
        "timings.csv",
        "report.html",
        "running",
        "trials",
        "weights",
    }
    assert not list((folder / "running").iterdir())
    rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    assert [(r["variant"], r["seed"]) for r in rows] == [(v, str(s)) for s in (0, 1) for v in PLAN.variants]
    assert len((folder / "results.jsonl").read_text().splitlines()) == 4
    assert [row.variant for row in summary.rows] == list(PLAN.variants)
    assert summary.rows[1].comparison.pairs == 2
    settings = json.loads((folder / "study.json").read_text())["settings"]
    assert settings["recipe"] == {**settings["recipe"], "precision": "float32", "threads": 1}


def test_the_table_holds_the_paired_difference_of_the_files(finished):
    folder, summary, _ = finished
    rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    score = {(r["variant"], r["seed"]): float(r["accuracy"]) for r in rows}
    differences = [score["SE(reduction=4)", s] - score["none", s] for s in ("0", "1")]
    assert summary.rows[1].comparison.difference.mean == pytest.approx(sum(differences) / 2, abs=1e-5)


def test_weights_are_safetensors_that_reproduce_their_validation_accuracy(finished):
    folder, summary, _ = finished
    data = load(SETTINGS)
    for trial in summary.trials:
        with safe_open(folder / "weights" / f"{trial.key}.safetensors", "pt") as file:
            meta = json.loads(file.metadata()["senet"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        model = create(meta["network"], num_classes=10, in_channels=1, attention=from_dict(meta["attention"]))
        model.load_state_dict(state)
        accuracy = accuracy_of(model, data)
        assert accuracy == pytest.approx(max(trial.validation))
        assert meta["classes"] == list(data.classes)


def test_two_runs_give_identical_results(finished, tmp_path):
    folder, _, _ = finished
    run(tmp_path)
    assert (tmp_path / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()
    for path in (folder / "weights").iterdir():
        assert (tmp_path / "weights" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_number_of_workers_moves_no_byte_whatever_the_attention(tmp_path):
    specs = (*map(str, SMALL), str(OWN))
    plan = replace(PLAN, variants=variants_from_specs(specs), recipe=replace(PLAN.recipe, epochs=1))
    for workers in (1, 2):
        run(tmp_path / str(workers), plan, LocalRunner(workers))
    one, two = (tmp_path / "1", tmp_path / "2")
    assert (one / "results.csv").read_bytes() == (two / "results.csv").read_bytes()
    weights = sorted(path.name for path in (one / "weights").iterdir())
    assert len(weights) == 2 * len(specs)
    assert all((one / "weights" / name).read_bytes() == (two / "weights" / name).read_bytes() for name in weights)


def test_a_finished_trial_is_not_run_again_and_one_more_seed_runs_only_that(finished, tmp_path):
    folder, _, _ = finished
    (tmp_path / "trials").mkdir()
    for path in (folder / "trials").iterdir():
        (tmp_path / "trials" / path.name).write_bytes(path.read_bytes())
    summary, progress = run(tmp_path, replace(PLAN, seeds=3))
    assert progress.began == (6, 4)
    assert {t.seed for t in progress.trials} == {2}
    assert len(summary.trials) == 6


def test_a_broken_result_file_is_named(finished, tmp_path):
    trial = PLAN.trials(load(SETTINGS).fingerprint(), {})[0]
    path = result_path(tmp_path, trial)
    path.parent.mkdir()
    path.write_text('{"result": {"variant"')
    with pytest.raises(DataError) as error:
        read_result(tmp_path, trial)
    assert error.value.where == str(path)


def test_row_78_a_diverged_trial_is_listed_with_its_reason_and_never_averaged_in(tmp_path):
    """One variant's learning rate is absurd; the others' scores stand."""
    wild = Variant(SE(reduction=4), change=lambda recipe: replace(recipe, lr=1e30))
    plan = replace(PLAN, variants={**PLAN.variants, "wild": wild}, seeds=1)
    summary, progress = run(tmp_path, plan)
    assert [(variant, seed, failure.kind) for variant, seed, failure in progress.failures] == [("wild", 0, "diverged")]
    assert [row.n for row in summary.rows] == [1, 1, 0]
    (left_out,) = summary.left_out
    assert (left_out.variant, left_out.seed, left_out.kind) == ("wild", 0, "diverged")
    assert "wild, seed 0, epoch 1, step" in left_out.reason
    assert "learning rate" in left_out.reason
    trials = plan.trials(load(SETTINGS).fingerprint(), summary.environment)
    assert json.loads(failure_path(tmp_path, trials[2]).read_text())["reason"] == left_out.reason
    assert len(list((tmp_path / "weights").glob("*"))) == 2
    assert run(tmp_path, plan)[1].began == (3, 2), "it is tried again"


def test_counting_and_timing_the_variants_leaves_torchs_generator_as_it_was():
    torch.rand(1)
    before = torch.random.get_rng_state()
    variant_costs(PLAN, open_feed(PLAN.data, PLAN.recipe))
    assert torch.equal(torch.random.get_rng_state(), before)


def of_two_sizes(tmp_path, size=None):
    """Return a plan on photographs that are decoded as they go, of which one variant has views of its own size."""
    for name in (f"{split}/{kind}/{i}.png" for split in ("train", "test") for kind in "ab" for i in range(4)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (70, 70)).save(tmp_path / name)
    recipe = replace(PLAN.recipe, batch_size=4, views=None if size else Views(size=64))
    smaller = Variant(None, change=lambda recipe: replace(recipe, views=Views(size=32)))
    data = resolved(DataConfig(f"folder:{tmp_path}", image_size=size, in_memory=False))
    return replace(PLAN, variants={"none": Variant(None), "smaller": smaller}, data=data, recipe=recipe)


def test_a_variant_is_priced_at_the_size_of_its_own_recipe(tmp_path):
    found = variant_costs(*check_plan(of_two_sizes(tmp_path)))
    assert 3.5 < found["none"].multiply_adds / found["smaller"].multiply_adds < 4.5


def test_a_variant_that_the_data_cannot_be_fed_to_is_named_before_anything_runs(tmp_path):
    with pytest.raises(UsageError) as error:
        check_plan(of_two_sizes(tmp_path, size=64))
    assert error.value.where == "variant smaller"
    assert "views.size=32" in str(error.value)


@pytest.mark.slow
def test_a_study_of_which_every_trial_diverged_has_a_report(tmp_path):
    summary, _ = run(tmp_path, replace(PLAN, recipe=replace(PLAN.recipe, lr=1e30), seeds=1))
    assert [one.kind for one in summary.left_out] == ["diverged"] * 2
    assert "diverged" in (tmp_path / "report.html").read_text()


def test_row_78_trials_of_another_recipe_are_listed_as_unlike(finished, tmp_path):
    folder, _, _ = finished
    shutil.copytree(folder / "trials", tmp_path / "trials")
    summary, progress = run(tmp_path, replace(PLAN, recipe=replace(PLAN.recipe, epochs=1), seeds=1))
    assert progress.began == (2, 0)
    assert [(one.variant, one.seed, one.kind) for one in summary.left_out] == [
        ("SE(reduction=4)", 0, "unlike"),
        ("none", 0, "unlike"),
    ]
    assert summary.left_out[0].reason == "recipe.epochs 2 -> 1"


def test_row_88_trials_of_another_version_are_listed_with_what_differs(finished, tmp_path, monkeypatch):
    folder, _, _ = finished
    shutil.copytree(folder / "trials", tmp_path / "trials")
    now = {**environment(), "torch": "99.0"}
    monkeypatch.setattr("senet.study.compare.environment", lambda: now)
    summary, progress = run(tmp_path, replace(PLAN, seeds=1))
    assert progress.began == (2, 0)
    assert {(one.kind, one.reason) for one in summary.left_out} == {
        ("unlike", f"environment.torch {environment()['torch']} -> 99.0")
    }
    assert summary.environment["torch"] == "99.0"


def test_weights_of_inserted_blocks_open_again(tmp_path):
    variant = Variant(SE(reduction=4), Placement("pre", stages=(2, 3)))
    summary, _ = run(tmp_path, replace(PLAN, variants={"pre": variant}, seeds=1))
    (trial,) = summary.trials
    opened = senet.load(tmp_path / "weights" / f"{trial.key}.safetensors")
    data = load(SETTINGS)
    accuracy = accuracy_of(opened.model, data)
    assert accuracy == pytest.approx(max(trial.validation))


def test_data_that_changed_under_the_study_is_refused():
    trial = PLAN.trials("0" * 64, {})[0]
    with pytest.raises(DataError, match="the data changed"):
        run_trial(trial)


def test_a_second_process_in_the_folder_is_refused(tmp_path):
    with lock_folder(tmp_path), pytest.raises(UsageError, match="another process"):
        run(tmp_path)


def test_an_unwritable_folder_is_found_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError):
        run(tmp_path / "file" / "study")


class Killed(Recorder):
    """Kills the worker that runs a trial, as the system does for want of memory."""

    def __init__(self, often):
        super().__init__()
        self.often, self.notices = often, []

    def notice(self, message):
        self.notices.append(message)

    def running(self, paces):
        if paces and len(self.notices) < self.often:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_row_81_a_killed_worker_is_said_and_its_trial_begins_again(finished, tmp_path):
    progress, plan = Killed(1), replace(PLAN, recipe=replace(PLAN.recipe, epochs=40), seeds=1)
    summary = compare(plan, open_feed(plan.data, plan.recipe), tmp_path, LocalRunner(1), progress)
    assert len(progress.notices) == 1
    assert "a worker process died" in progress.notices[0]
    assert "run again: none, seed 0" in progress.notices[0]
    assert [row.n for row in summary.rows] == [1, 1]


@pytest.mark.slow
def test_row_81_a_trial_that_kills_its_worker_each_time_fails_and_the_others_go_on(tmp_path):
    progress, plan = Killed(3), replace(PLAN, recipe=replace(PLAN.recipe, epochs=40), seeds=1)
    summary = compare(plan, open_feed(plan.data, plan.recipe), tmp_path, LocalRunner(1), progress)
    assert [row.n for row in summary.rows] == [0, 1]
    (left_out,) = summary.left_out
    assert (left_out.variant, left_out.kind) == ("none", "failed")
    assert "its process died, most likely for want of memory, 3 times" in left_out.reason


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


COMMAND = [sys.executable, "-m", "senet", "compare", "--variants", "none", "SE(reduction=4)", "--seeds", "2"]
OPTIONS = ["--epochs", "6", "--precision", "float32", "--threads", "1", "--workers", "1", "--name", "killed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (signal.SIGKILL, -9, "digits"),
        (signal.SIGKILL, -9, "shards"),
        (signal.SIGINT, 130, "digits"),
        (signal.SIGTERM, 143, "digits"),
    ],
)
def test_row_81_a_killed_study_leaves_no_process_and_continues(tmp_path, number, code, kind):
    data = ["--train-fraction", "0.3"]
    if kind == "shards":
        pack(open_data(DataConfig("digits")), tmp_path / "shards")
        data = ["--data", f"shards:{tmp_path / 'shards'}", "--image-size", "8", "--train-fraction", "0.1"]
    command = [*COMMAND, *OPTIONS, *data, "--out", str(tmp_path)]
    trials = tmp_path / "killed" / "trials"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: trials.exists() and list(trials.glob("*.json")))
    os.kill(process.pid, number)
    process.communicate(timeout=300)  # returns only when the workers, who share the pipes, are gone too
    assert process.returncode == code
    kept = {path.name: path.read_bytes() for path in trials.glob("*.json")}
    assert 0 < len(kept) < 4
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{len(kept)} of 4 trials are finished already" in again.stderr
    assert all((trials / name).read_bytes() == content for name, content in kept.items())
    assert len(list(trials.glob("*.json"))) == 4
    assert not list((tmp_path / "killed").rglob("*.tmp")) or number == signal.SIGKILL


def test_the_trunk_starts_alike_in_every_variant():
    from senet.networks import initialise, named_stream

    plain, gated = (
        initialise(create("resnet8", attention=from_dict(a)), named_stream(3)).state_dict()
        for a in (None, {"kind": "SE", "reduction": 4})
    )
    assert plain.keys() < gated.keys()
    assert all(torch.equal(plain[name], gated[name]) for name in plain)
