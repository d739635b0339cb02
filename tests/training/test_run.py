# A run and its folder: what it leaves, what it survives, what it refuses.
import csv
import errno
import itertools
import json
import os
import pickle
import resource
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import toy
from senet.data import load
from senet.data.sources.open_data import DataConfig
from senet.errors import DivergedError, ResourceError, UsageError, WeightsError
from senet.inference.confusion_file import read_confusion
from senet.inference.evaluation import score
from senet.metadata import Metadata
from senet.training import Recipe, StoppedError, train
from senet.training.checkpoint import checkpoint as checkpoints
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.training.feeds import memory_feed
from senet.training.recipe.settings import Optimizer, Plateau, WeightDecay
from senet.training.writer.failure import read_failure
from senet.training.writer.folder_writer import lock_folder
from senet.weights import write_state
from small_disk import run_with
from toy import CLASSES, RECIPE, Heard, ToyFeed, job, run, stop_after, toy_network

EPOCHS, STEPS = 4, 6


def records(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def interrupted(folder, steps, **changes):
    with pytest.raises(StoppedError) as error:
        run(folder, stop_after(steps, changes.pop("number", signal.SIGINT)), **changes)
    return error.value


def assert_same(first, second):
    for name in ("weights/last.safetensors", "weights/best.safetensors", "results.csv", "result.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return folder


def test_a_run_leaves_weights_results_and_metrics(tmp_path):
    heard, feed = Heard(), ToyFeed()
    trained = run(tmp_path, heard, feed, metadata=Metadata(network="toy"))
    rows = records(tmp_path)
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    assert [float(row["validation_top1"]) for row in rows] == [row.validation_top1 for row in trained.rows]
    assert heard.rows == list(trained.rows)
    assert (heard.begun, heard.steps) == ((EPOCHS * STEPS, 0), EPOCHS * STEPS)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in lines if "seconds" in line] == list(range(1, EPOCHS * STEPS + 1))
    model = toy_network()
    model.load_state_dict(load_file(trained.last))
    again = score(model, feed.test, feed.transform.normalise, RECIPE)
    assert again == replace(trained.test, loss=pytest.approx(trained.test.loss))
    model.load_state_dict(load_file(trained.best_weights))
    best = score(model, feed.validation, feed.transform.normalise, RECIPE)
    assert best.top1 == trained.best.validation_top1 == max(row.validation_top1 for row in trained.rows)


def test_class_map_and_input_transform_travel_with_the_weights(tmp_path):
    trained = run(tmp_path, metadata=Metadata(network="toy"))
    with safe_open(trained.last, "pt") as file:
        about = json.loads(file.metadata()["senet"])
    assert about["classes"] == ["a", "b", "c"]
    assert about["input_transform"] == ToyFeed().transform.to_dict() | {"size": [8, 8], "mean": [0.5], "std": [0.3]}
    assert (about["network"], about["epoch"], about["averaged"]) == ("toy", 4, True)


def test_row_69_the_average_is_evaluated_and_said_to_be(whole, tmp_path):
    assert {row["weights"] for row in records(whole)} == {"average"}
    run(tmp_path, recipe=replace(RECIPE, ema=None))
    assert {row["weights"] for row in records(tmp_path)} == {"last"}


def test_row_70_ties_go_to_the_earlier_epoch(tmp_path):
    trained = run(tmp_path, recipe=Recipe(epochs=3, batch_size=8, lr=0.0))
    assert len({row.validation_top1 for row in trained.rows}) == 1
    assert trained.best.epoch == 1


def test_row_70_a_best_epoch_chosen_on_the_test_images_is_said_to_be(tmp_path):
    heard, feed = Heard(), ToyFeed()
    feed.test = feed.validation
    run(tmp_path, heard, feed, recipe=Recipe(epochs=1, batch_size=8))
    assert "no test split" in heard.notices[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_row_66_a_signal_saves_within_a_step_and_gives_the_line_that_resumes(number, whole, tmp_path):
    before = signal.getsignal(number)
    stopped = interrupted(tmp_path, 8, number=number, save_every=0, resume_line="senet train --resume")
    assert stopped.exit_code == 128 + number
    assert str(stopped).endswith("senet train --resume")
    assert names(tmp_path)[-1] == "epoch-00002-step-0000002"
    assert signal.getsignal(number) == before
    run(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_row_66_a_second_ctrl_c_acts_as_if_nothing_were_handled(tmp_path):
    def step(loss, lr, images):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    heard = Heard()
    heard.step = step
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, heard)
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_row_66_a_signal_in_an_evaluation_loses_no_step(whole, tmp_path):
    class Killing(ToyFeed):
        def __init__(self):
            super().__init__()
            inner = self.validation

            class Validation(type(inner)):
                def __iter__(self):
                    for i, batch in enumerate(super().__iter__()):
                        if i == 1:
                            os.kill(os.getpid(), signal.SIGTERM)
                        yield batch

            self.validation = Validation(inner.images, inner.labels)

    with pytest.raises(StoppedError):
        run(tmp_path, feed=Killing())
    assert names(tmp_path)[-1] == "epoch-00001-step-0000006"
    assert records(tmp_path) == []
    run(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_row_66_a_signal_in_the_last_scoring_loses_nothing(whole, tmp_path):
    feed = ToyFeed()

    class Test(type(feed.test)):
        def __iter__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            return super().__iter__()

    feed.test = Test(feed.test.images, feed.test.labels)
    with pytest.raises(StoppedError, match="at epoch 5, step 0"):
        run(tmp_path, feed=feed)
    run(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_the_error_of_a_signal_keeps_its_exit_code_between_processes():
    again = pickle.loads(pickle.dumps(StoppedError("a", where="b", do="c", signal_number=15)))
    assert (again.exit_code, str(again)) == (143, "a\nb\nc")


def test_a_feed_of_other_batches_than_the_recipes_is_refused(tmp_path):
    with pytest.raises(UsageError, match="have 5 images, but the recipe says batch_size=8"):
        run(tmp_path, feed=ToyFeed(batch_size=5))


def test_row_02_images_that_could_not_be_scored_are_counted_and_said(tmp_path):
    feed, heard = ToyFeed(), Heard()

    class Validation(type(feed.validation)):
        def __iter__(self):
            return itertools.islice(super().__iter__(), 1)

    feed.validation = Validation(feed.validation.images, feed.validation.labels)
    trained = run(tmp_path, heard, feed, recipe=replace(RECIPE, epochs=2))
    assert "scored 20 of 22 images" in heard.notices
    assert trained.rows[0].validation_images == 20


def test_training_outside_the_main_thread_handles_no_signals(tmp_path):
    done = []
    thread = threading.Thread(target=lambda: done.append(run(tmp_path, recipe=replace(RECIPE, epochs=2))))
    thread.start()
    thread.join()
    assert len(done) == 1


RECIPES = {
    "nesterov, no channels_last": Recipe(epochs=2, batch_size=8, channels_last=False),
    "rmsprop, decayed norms": Recipe(
        epochs=2, batch_size=8, lr=0.01, optimizer=Optimizer("rmsprop", eps=1e-3), decay=WeightDecay(True, True, True)
    ),
    "adamw, accumulated, bf16": Recipe(
        epochs=2, batch_size=8, lr=1e-3, optimizer=Optimizer("adamw"), accumulate=2, precision="bf16"
    ),
    "fp16": Recipe(epochs=2, batch_size=8, precision="fp16"),
    "plateau, frozen": Recipe(
        epochs=3, batch_size=8, schedule="plateau", plateau=Plateau(patience=1), freeze_norms_from=2
    ),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("steps", [4, 9])
def test_whatever_the_recipe_a_resumed_run_ends_with_the_same_bytes(recipe, steps, tmp_path):
    interrupted(tmp_path / "stopped", steps, recipe=recipe)
    run(tmp_path / "stopped", recipe=recipe, resume=True)
    run(tmp_path / "whole", recipe=recipe)
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_a_feed_of_data_in_memory_resumes_to_the_same_bytes(tmp_path):
    data, recipe = load(DataConfig("digits", train_fraction=0.1)), Recipe(epochs=2, batch_size=16)

    def go(folder, resume=False, watch=None):
        feed = memory_feed(data, recipe)
        model = toy_network()
        model.fc = torch.nn.Linear(8, 10)
        torch.manual_seed(1)
        torch.nn.init.normal_(model.fc.weight)
        torch.nn.init.zeros_(model.fc.bias)
        return train(model, feed, job(folder, recipe=recipe, resume=resume), write_state, watch)

    with pytest.raises(StoppedError):
        go(tmp_path / "stopped", watch=stop_after(5))
    go(tmp_path / "stopped", resume=True)
    go(tmp_path / "whole")
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_row_61_a_complete_run_says_so_and_does_nothing(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "copy")
    heard = Heard()
    trained = run(folder, heard, resume=True)
    assert heard.notices == ["complete at 4/4 epochs, nothing to do"]
    assert heard.steps == 0
    assert len(trained.rows) == EPOCHS
    assert_same(folder, whole)


def test_row_61_rows_past_the_checkpoint_are_cut(whole, tmp_path):
    interrupted(tmp_path, 8, save_every=0)
    with (tmp_path / "results.csv").open("a") as file:
        file.write("2,12,9,9,9,9,9,9,9,last\n")
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"steps": 9, "loss": 5}\n{"steps": 10, "lo')
    run(tmp_path, resume=True)
    assert_same(tmp_path, whole)
    steps = [json.loads(line)["steps"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps.count(9) == 1


def test_row_60_epochs_may_be_raised_and_the_jump_of_the_learning_rate_is_stated(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "copy")
    heard = Heard()
    trained = run(folder, heard, resume=True, recipe=replace(RECIPE, epochs=8))
    assert heard.notices[0] == "changed since the checkpoint: recipe.epochs 4 -> 8"
    assert heard.notices[1].startswith("continues at epoch 5, step 1: learning rate 0.0003")
    assert heard.notices[1].endswith("-> 0.03056")  # 0.05 (1 + cos(3 pi / 7)) / 2
    assert [row.epoch for row in trained.rows] == list(range(1, 9))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"recipe": replace(RECIPE, lr=0.01)}, "recipe.lr 0.05 -> 0.01"),
        ({"recipe": replace(RECIPE, batch_size=4)}, "recipe.batch_size 8 -> 4"),
        ({"recipe": replace(RECIPE, epochs=3)}, "recipe.epochs 4 -> 3"),
        ({"recipe": replace(RECIPE, ema=None)}, r"recipe.ema.decay 0.9 -> \(off\)"),
        ({"seed": 4}, "seed 3 -> 4"),
        ({"feed": ToyFeed(noise=4)}, "data "),
    ],
    ids=["lr", "batch", "fewer epochs", "no ema", "seed", "data"],
)
def test_row_59_another_run_is_listed_and_refused(change, key, tmp_path):
    interrupted(tmp_path, 8)
    before = names(tmp_path)
    with pytest.raises(UsageError, match=key):
        run(tmp_path, resume=True, **change)
    assert names(tmp_path) == before


def test_row_59_another_network_is_refused(tmp_path):
    interrupted(tmp_path, 8)
    with pytest.raises(UsageError, match="network"):
        train(toy_network(dropout=0.5), ToyFeed(), job(tmp_path, resume=True), write_state)


def test_row_59_a_change_may_be_allowed_by_name_and_is_stated(tmp_path):
    interrupted(tmp_path, 8)
    heard = Heard()
    run(tmp_path, heard, resume=True, recipe=replace(RECIPE, lr=0.01), allow=frozenset({"recipe.lr"}))
    assert heard.notices[0] == "changed since the checkpoint: recipe.lr 0.05 -> 0.01"


def test_resume_and_a_fresh_run_are_not_confused(whole, tmp_path):
    with pytest.raises(UsageError, match="the folder holds a run"):
        run(whole)
    with pytest.raises(UsageError, match="no run to resume"):
        run(tmp_path, resume=True)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def newer(path):
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (truncate, "tensors.safetensors"),
        (flip, "tensors.safetensors"),
        (empty, "tensors.safetensors"),
        (os.unlink, "tensors.safetensors"),
        (truncate, "state.json"),
        (flip, "state.json"),
        (newer, "state.json"),
        (os.unlink, "state.json"),
    ],
)
def test_row_58_a_damaged_checkpoint_is_named_and_the_one_before_is_used(damage, file, whole, tmp_path):
    interrupted(tmp_path, 9)
    bad, good = (tmp_path / "checkpoints" / name for name in names(tmp_path)[::-1])
    damage(bad / file)
    heard = Heard()
    run(tmp_path, heard, resume=True)
    assert heard.notices[0].startswith(f"{bad.name} is not used: ")
    assert heard.notices[1] == f"{good.name} is used in its place"
    assert_same(tmp_path, whole)


def test_row_58_without_a_whole_checkpoint_nothing_is_guessed(tmp_path):
    interrupted(tmp_path, 9)
    for name in names(tmp_path):
        flip(tmp_path / "checkpoints" / name / "tensors.safetensors")
    with pytest.raises(WeightsError, match="all checkpoints are damaged") as error:
        run(tmp_path, resume=True)
    assert error.value.exit_code == 4


def test_row_58_the_newest_two_checkpoints_are_kept(whole):
    assert names(whole) == ["epoch-00004-step-0000004", "epoch-00005-step-0000000"]


class Disk:
    """Refuses to write checkpoints while it is full."""

    def __init__(self, monkeypatch, error=errno.ENOSPC):
        self.full, self.error, self.real = False, error, checkpoints._fill
        monkeypatch.setattr(checkpoints, "_fill", self.fill)

    def fill(self, folder, checkpoint):
        if self.full:
            (folder / "tensors.safetensors").write_bytes(b"half")
            raise OSError(self.error, os.strerror(self.error))
        self.real(folder, checkpoint)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
def test_row_57_a_full_disk_does_not_stop_training_and_is_tried_again(error, whole, tmp_path, monkeypatch):
    disk, heard = Disk(monkeypatch, error), Heard()

    def step(loss, lr, images):
        heard.steps += 1
        disk.full = 7 <= heard.steps <= 11

    heard.step = step
    run(tmp_path, heard)
    assert len(heard.notices) == 2
    assert os.strerror(error) in heard.notices[0]
    assert "MB free); epoch-00002-step-0000000 is kept; training goes on and tries again" in heard.notices[0]
    assert_same(tmp_path, whole)


def test_row_57_a_file_system_that_is_really_full_costs_no_byte(whole, tmp_path):
    (tmp_path / "disk").mkdir()
    script = Path(toy.__file__).with_name("full_disk.py")
    done = run_with(tmp_path / "disk", "1m", script, tmp_path / "disk", tmp_path / "away")
    assert done.returncode == 0, done.stderr
    notices = json.loads(done.stdout)
    assert len(notices) >= 4  # two saves, results.csv, the save at the end of the epoch
    for notice in notices:
        assert "No space left on device" in notice
        assert "epoch-00002-step-0000000 is kept; training goes on and tries again" in notice
    assert_same(tmp_path / "away", whole)
    lines = (tmp_path / "away" / "metrics.jsonl").read_text().splitlines()
    steps = [line["steps"] for line in map(json.loads, lines) if "seconds" in line]
    assert steps == list(range(1, EPOCHS * STEPS + 1))
    assert not list((tmp_path / "away").rglob(".*.tmp"))


def test_row_57_never_saved_is_exit_code_6_at_the_end(tmp_path, monkeypatch):
    Disk(monkeypatch).full = True
    with pytest.raises(ResourceError, match=r"No space left.*needs .* MB, .* MB free") as error:
        run(tmp_path)
    assert error.value.exit_code == 6
    assert (tmp_path / "weights/last.safetensors").exists()


def test_row_57_a_signal_with_a_full_disk_says_that_nothing_was_saved(tmp_path, monkeypatch):
    disk, heard = Disk(monkeypatch), stop_after(8)
    disk.full = True
    with pytest.raises(ResourceError, match=r"stopped by signal 2 .*No space left"):
        run(tmp_path, heard)


def test_row_57_a_limit_on_file_sizes_keeps_the_previous_checkpoint(tmp_path):
    path = tmp_path / "checkpoints" / "epoch-00001-step-0000001"
    checkpoints.write_checkpoint(Checkpoint({"x": torch.ones(10)}, {"n": 1}), path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(ResourceError, match=r"cannot save a checkpoint: .*needs 4.0 MB"):
            checkpoints.write_checkpoint(
                Checkpoint({"x": torch.ones(10**6)}, {"n": 2}), path.with_name("epoch-00002-step-0000001")
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == [path.name]
    assert checkpoints.read_checkpoint(path).state == {"n": 1}


def test_row_56_what_is_not_on_disk_what_it_was_in_memory_gets_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_flush", lambda path: truncate(path) if path.name == "tensors.safetensors" else 0)
    with pytest.raises(ResourceError, match="checksum of its tensors differs"):
        checkpoints.write_checkpoint(Checkpoint({"x": torch.ones(99)}, {}), tmp_path / "epoch-1")
    assert list(tmp_path.iterdir()) == []


def test_row_56_left_over_temporary_files_are_cleaned(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "copy")
    (folder / "checkpoints" / ".epoch-00009-step-0000001.tmp").mkdir()
    run(folder, resume=True)
    assert not [name for name in names(folder) if name.startswith(".")]


def test_row_62_divergence_names_samples_and_leaves_the_checkpoints(tmp_path):
    interrupted(tmp_path, 8)
    before = {name: (tmp_path / "checkpoints" / name / "state.json").read_bytes() for name in names(tmp_path)}
    feed = ToyFeed()
    feed.transform = type("T", (), {"normalise": lambda self, x: x.float() * float("nan"), "to_dict": dict})()
    with pytest.raises(DivergedError, match=r"the loss is nan at learning rate .*\nepoch 2, step 3; samples train/"):
        run(tmp_path, feed=feed, resume=True)
    assert {name: (tmp_path / "checkpoints" / name / "state.json").read_bytes() for name in names(tmp_path)} == before


def test_row_62_the_schedule_does_not_advance_on_a_step_left_out(tmp_path):
    class Poisoned(ToyFeed):
        def __init__(self):
            super().__init__()
            self.transform = type("T", (), {"normalise": self.normalise, "to_dict": dict})()
            self.calls = 0

        def normalise(self, images):
            self.calls += 1
            return images.float() / 255 * (float("nan") if self.calls == 2 else 1)

    rates = []
    heard = Heard()
    heard.step = lambda loss, lr, images: rates.append((loss is None, lr))
    recipe = Recipe(epochs=1, batch_size=8, skip_non_finite=1)
    trained = run(tmp_path, heard, Poisoned(), recipe=recipe)
    assert [skipped for skipped, _ in rates] == [False, True, False, False, False, False]
    assert rates[1][1] == rates[2][1] != rates[3][1]
    assert trained.rows[0].skipped == 1


def test_row_65_an_error_of_a_device_leaves_a_run_that_resumes(whole, tmp_path):
    heard = Heard()

    def step(loss, lr, images):
        heard.steps += 1
        if heard.steps == 9:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    heard.step = step
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run(tmp_path, heard)
    run(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_row_67_a_second_process_is_refused_and_told_who_works_there(tmp_path):
    with lock_folder(tmp_path), pytest.raises(UsageError, match=f"pid {os.getpid()} on host {os.uname().nodename}"):
        run(tmp_path)
    run(tmp_path, recipe=replace(RECIPE, epochs=2))  # the lock is gone with its holder


def test_row_68_durations_do_not_follow_the_wall_clock(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: -1e9)
    run(tmp_path, recipe=replace(RECIPE, epochs=2))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    seconds = [line["seconds"] for line in lines if "seconds" in line]
    assert len(seconds) == 2 * STEPS
    assert all(0 <= duration < 60 for duration in seconds)


def test_row_57_a_full_disk_loses_no_line_of_the_metrics(tmp_path):
    from senet.training.writer.metrics import JsonlWriter

    lines = JsonlWriter(tmp_path / "m.jsonl", 0)
    lines.add(1, {"a": 1})
    path, lines.path = lines.path, tmp_path / "no" / "folder"
    lines.add(2, {"a": 2})
    lines.path = path
    lines.add(3, {"a": 3})
    assert [json.loads(line)["steps"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_run_keeps_what_the_test_images_are_taken_for_and_again_after_it_was_complete(tmp_path):
    trained = run(tmp_path)
    found, labels = read_confusion(tmp_path / "confusion.json")
    assert labels.names == CLASSES
    assert sum(count for *_, count in found.pairs) == trained.test.images
    correct = sum(count for true, guess, count in found.pairs if true == guess)
    assert 100 * correct / trained.test.images == pytest.approx(trained.test.top1)
    assert {mistake.name.split("/")[0] for mistake in found.mistakes} <= {"held", ""}
    before = (tmp_path / "confusion.json").read_bytes()
    run(tmp_path, resume=True)
    assert (tmp_path / "confusion.json").read_bytes() == before
    with pytest.raises(StoppedError):
        run(tmp_path, resume=True, recipe=replace(RECIPE, epochs=5), watch=stop_after(1))
    assert read_confusion(tmp_path / "confusion.json") is None  # it was of other weights


def test_why_a_run_ended_early_is_kept_until_it_goes_on(tmp_path):
    with pytest.raises(StoppedError):
        run(tmp_path, watch=stop_after(2), resume_line="senet train --resume")
    failure = read_failure(tmp_path)
    assert failure.stopped
    assert failure.do == "senet train --resume"
    with pytest.raises(UsageError, match="holds a run"):
        run(tmp_path)
    assert read_failure(tmp_path) == failure  # it is of the run, and not of a command that was refused
    run(tmp_path, resume=True)
    assert read_failure(tmp_path) is None
    assert read_confusion(tmp_path / "confusion.json")


def test_a_fault_of_the_code_is_kept_too(tmp_path):
    class Broken(Heard):
        def step(self, loss, lr, images):
            raise ZeroDivisionError("of mine")

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, watch=Broken())
    failure = read_failure(tmp_path)
    assert (failure.stopped, failure.what) == (False, "ZeroDivisionError: of mine")
    assert "--resume" in failure.do


def test_when_a_run_began_stays_and_is_no_part_of_what_it_is(tmp_path):
    with pytest.raises(StoppedError):
        run(tmp_path, watch=stop_after(2), facts={"command": "senet train"})
    said = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**said, "began": "2026-01-02T03:04:05+00:00"}))
    run(tmp_path, resume=True, facts={"command": "senet train --resume"})
    again = json.loads((tmp_path / "run.json").read_text())
    assert again["began"] == "2026-01-02T03:04:05+00:00"
    assert again["command"] == "senet train --resume"
    assert again["identity"] == said["identity"]
