# Another machine's trials: whole seeds of them are taken when asked for, and no difference crosses two environments.
from dataclasses import replace

import pytest

from senet.data import DataConfig, resolved
from senet.errors import DataError
from senet.study.build_variants import variants_from_specs
from senet.study.compare import compare
from senet.study.plan import Plan
from senet.study.progress import NullProgress
from senet.study.summary import TrialResult
from senet.study.trials.environments import finished_elsewhere, merged_environment
from senet.study.trials.result_files import result_path, write_result
from senet.training import Recipe, open_feed
from senet.utils.environment import environment

SETTINGS = resolved(DataConfig("digits", train_fraction=0.05))
PLAN = Plan("resnet8", variants_from_specs(("none", "SE(reduction=4)")), 3, SETTINGS, Recipe(epochs=1, batch_size=16))
HERE = environment()
THERE = {**HERE, "processor": "another"}


class Instant:
    """Runs a trial in no time: what it scores is given."""

    def __init__(self, score):
        self.score, self.ran = score, []

    def run(self, trials, folder, watcher):
        for trial in trials:
            self.ran.append((trial.variant, trial.seed))
            score = self.score + trial.seed + (trial.variant != "none")
            result = TrialResult(trial.key, trial.variant, trial.seed, score, 1, (score,), (1.0,), 1.0)
            write_result(folder, trial, result)
            watcher.finished(trial, result)


def finish(folder, where, seeds, score):
    trials = [
        trial for trial in PLAN.trials(open_feed(SETTINGS, PLAN.recipe).fingerprint(), where) if trial.seed in seeds
    ]
    for trial in trials:
        result = TrialResult(trial.key, trial.variant, trial.seed, score, 1, (score,), (1.0,), 1.0)
        write_result(folder, trial, result)
    return trials


def elsewhere(folder, plan=PLAN):
    return finished_elsewhere(plan, open_feed(SETTINGS, PLAN.recipe).fingerprint(), folder)


def go_on(folder):
    runner = Instant(50.0)
    plan = replace(PLAN, elsewhere=elsewhere(folder))
    return compare(plan, open_feed(SETTINGS, PLAN.recipe), folder, runner, NullProgress()), runner.ran


def test_whole_seeds_of_another_environment_stay_and_others_run_here(tmp_path):
    finish(tmp_path, THERE, {0, 2}, 10.0)
    result_path(tmp_path, finish(tmp_path, THERE, {1}, 10.0)[1]).unlink()
    summary, ran = go_on(tmp_path)
    assert ran == [("none", 1), ("SE(reduction=4)", 1)]
    assert {(r.variant, r.seed): r.accuracy for r in summary.trials} == {
        ("none", 0): 10.0,
        ("SE(reduction=4)", 0): 10.0,
        ("none", 1): 51.0,
        ("SE(reduction=4)", 1): 52.0,
        ("none", 2): 10.0,
        ("SE(reduction=4)", 2): 10.0,
    }
    assert summary.environment["processor"] == f"another (seeds 0, 2); {HERE['processor']} (seeds 1)"
    assert summary.environment["torch"] == HERE["torch"]
    assert [(one.variant, one.seed, one.kind) for one in summary.left_out] == [("none", 1, "unlike")]


def test_without_asking_nothing_of_another_environment_is_taken(tmp_path):
    finish(tmp_path, THERE, {0, 1, 2}, 10.0)
    runner = Instant(50.0)
    summary = compare(PLAN, open_feed(SETTINGS, PLAN.recipe), tmp_path, runner, NullProgress())
    assert len(runner.ran) == 6
    assert min(result.accuracy for result in summary.trials) == 50
    assert {one.reason for one in summary.left_out} == {f"environment.processor another -> {HERE['processor']}"}


def test_a_seed_that_is_whole_here_stays_here(tmp_path):
    finish(tmp_path, THERE, {0, 1}, 10.0)
    finish(tmp_path, HERE, {0}, 20.0)
    assert elsewhere(tmp_path) == {1: THERE}


def test_more_variants_than_ran_there_run_whole_seeds_here(tmp_path):
    finish(tmp_path, THERE, {0, 1, 2}, 10.0)
    assert (
        elsewhere(tmp_path, replace(PLAN, variants=variants_from_specs(("none", "SE(reduction=4)", "SE(reduction=8)"))))
        == {}
    )


def test_another_recipe_is_never_taken(tmp_path):
    finish(tmp_path, THERE, {0, 1, 2}, 10.0)
    assert elsewhere(tmp_path, replace(PLAN, recipe=Recipe(epochs=2, batch_size=16))) == {}


def test_a_file_that_is_no_result_is_named(tmp_path):
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "0123456789abcdef.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="0123456789abcdef"):
        elsewhere(tmp_path)


def test_one_environment_is_said_as_it_is():
    assert merged_environment(PLAN.trials("f", HERE)) == HERE
