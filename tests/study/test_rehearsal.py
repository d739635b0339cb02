# How long a study takes is found by a few real steps, side by side as it will run.
from dataclasses import replace

import pytest

from senet.data import DataConfig, resolved
from senet.study.build_variants import variants_from_specs
from senet.study.plan import Plan
from senet.study.trials import time_estimate
from senet.study.trials.time_estimate import CLOSING, TrialTimes, benchmark_trials, estimate_time
from senet.study.trials.trial import run_trial
from senet.training import Recipe, open_feed
from senet.utils.environment import environment

SETTINGS = resolved(DataConfig("digits", train_fraction=0.05))
RECIPE = Recipe(epochs=3, batch_size=16)
PLAN = Plan("resnet8", variants_from_specs(("none", "SE(reduction=4)")), 4, SETTINGS, RECIPE)
MADE = TrialTimes(ready=5.0, before=1.0, step=0.5, opening=0.25, image=0.01, alone=0.1)


@pytest.fixture(scope="module")
def data():
    return open_feed(SETTINGS, RECIPE)


@pytest.fixture
def trials(data):
    return PLAN.trials(data.fingerprint(), environment())


def test_a_trial_is_its_steps_its_scores_and_what_comes_before_them(data):
    steps, validation, test = data.steps_per_epoch, len(data.validation), len(data.test)
    epoch = steps * 0.5 + 2 * 0.25 + validation * 0.01
    assert MADE.trial(RECIPE, data) == pytest.approx(1.0 + 3 * epoch + 0.25 + test * 0.01)


def test_trials_of_unlike_length_are_laid_side_by_side(data, trials, monkeypatch):
    slow = replace(MADE, before=41.0)
    monkeypatch.setattr(time_estimate, "benchmark_trials", lambda trials, processes: [MADE, slow][: len(trials)])
    short = MADE.trial(RECIPE, data)
    fixed = 5.0 + (1.0 + 41.0) + 2 * 35 * 0.1 + 7.0 * (1 + CLOSING)
    found = estimate_time(trials, trials[:3], data, 2, 7.0)  # none and SE, then none behind the first
    assert found.seconds == pytest.approx(fixed + max(2 * short, short + 40))
    assert (found.trials, found.work) == (3, pytest.approx(3 * short + 40))
    alone = estimate_time(trials, trials, data, 1, 7.0)
    assert alone.seconds == pytest.approx(fixed + 8 * short + 4 * 40)


def test_a_study_that_is_finished_is_not_rehearsed(data, trials, monkeypatch):
    monkeypatch.setattr(time_estimate, "benchmark_trials", None)
    assert estimate_time(trials, [], data, 2, 7.0).seconds == 0


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, freeze_norms_from=1, batch_size=111)])
def test_every_part_of_a_trial_is_really_timed(recipe, data):
    plan = replace(PLAN, recipe=recipe)
    feed = open_feed(SETTINGS, recipe)
    trial = plan.trials(feed.fingerprint(), environment())[1]
    found = time_estimate._taken(trial, 0.2, 0.0)
    assert all(value > 0 for value in (found.before, found.step, found.image, found.alone))
    assert found.opening >= 0


@pytest.mark.slow
def test_processes_are_started_and_a_trial_takes_about_what_they_say(data, trials):
    found = benchmark_trials(trials[:2], 1)
    assert all(one.ready > 1 for one in found), "torch was imported"
    for one, trial in zip(found, trials, strict=False):
        taken = run_trial(trial).result.seconds
        assert taken / 5 < one.trial(RECIPE, data) < 5 * taken, "far apart, for the machine may be busy"
