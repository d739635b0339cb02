# A long run is compiled where that is clearly faster, and says so; a short one is not measured.

import dataclasses

import pytest
import torch
from torch import nn

from senet.training import Recipe
from senet.training.feeds import memory_feed
from senet.training.setup import compile_choice
from senet.training.setup.compile_choice import choose_compile, compile_of_run
from senet.training.setup.step_time import StepVariant, step_seconds
from senet.training.setup.step_time_cache import StepTimes
from toy import toy_dataset

FEED = memory_feed(toy_dataset(), Recipe(batch_size=8))


@pytest.fixture
def measured(monkeypatch):
    """Step times by whether they are compiled; asked for, they are noted."""
    times, asked = {False: 2.0, True: 1.0}, []

    def cached(model, feed, batch_size, variants, renew=False):
        asked.append([variant.compiled for variant in variants])
        if any(variant.compiled for variant in variants) and times[True] is None:
            raise RuntimeError("no C++ compiler\nand a long traceback")
        return StepTimes({variant: times[variant.compiled] for variant in variants}, before=False, path="")

    monkeypatch.setattr(compile_choice, "cached_step_times", cached)
    times["asked"] = asked
    return times


def choose(feed, epochs):
    return choose_compile(nn.Linear(1, 1), feed, Recipe(epochs=epochs, batch_size=8))


def test_a_short_run_is_not_measured(measured):
    assert choose(FEED, 1) == compile_choice.ChosenCompile(compile=False)
    assert measured["asked"] == []


def test_a_run_of_many_quick_steps_is_not_compiled(measured):
    measured[False] = 1e-6
    assert not choose(FEED, 10**6).origin
    assert measured["asked"] == [[False]]


@pytest.mark.parametrize(("compiled", "expected"), [(1.0, True), (1.9, False), (3.0, False)])
def test_a_long_run_is_compiled_where_that_is_clearly_faster(measured, compiled, expected):
    measured[True] = compiled
    chosen = choose(FEED, 10**6)
    assert chosen.compile is expected
    assert f"{2 / compiled:.2g}x as fast" in str(chosen)
    assert str(chosen).startswith(f"compile {'yes' if expected else 'no'}: ")


def test_where_nothing_can_be_compiled_it_says_why(measured):
    measured[True] = None
    assert str(choose(FEED, 10**6)) == "compile no: torch.compile fails here: no C++ compiler"


def test_a_run_that_is_continued_goes_on_as_it_began():
    assert compile_of_run({"compile": True}).compile
    assert compile_of_run({}) is None


def test_steps_are_timed_compiled(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda model: compiled.append(model) or model)
    variants = [StepVariant("float32", 1, compiled=how) for how in (False, True)]
    feed = FEED
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(len(feed.classes)))
    model(torch.zeros(1, *feed.transform.shape))
    assert set(step_seconds(model, feed, 4, variants)) == set(variants)
    assert compiled == [model]
    assert dataclasses.asdict(variants[1])["compiled"]
