# What is settled by measuring is settled once: two like commands train to the same numbers.
import json
import os
import threading
from dataclasses import asdict

import pytest
import torch
from torch import nn

from senet.errors import ResourceError
from senet.training.setup import step_time, step_time_cache
from senet.training.setup.precision import ChosenPrecision, choose_precision, precision_of_run
from senet.training.setup.step_time import StepVariant
from senet.training.setup.step_time_cache import cached_step_times
from toy import ToyFeed, toy_network

WAYS = StepVariant("float32", 1), StepVariant("bf16", 1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "senet"


@pytest.fixture
def clock(monkeypatch):
    """Steps take what a test says; counts the measurements."""
    said = {"float32": 2.0, "bf16": 1.0, "count": 0}

    def measured(model, feed, batch_size, ways):
        said["count"] += 1
        return {way: said[way.precision] / way.threads for way in ways}

    monkeypatch.setattr(step_time_cache, "step_seconds", measured)
    return said


def entry(cache):
    (path,) = cache.glob("pace-*.json")
    return path


@pytest.mark.parametrize(
    ("float32", "bf16", "expected"), [(2.0, 1.0, "bf16"), (1.2, 1.0, "float32"), (1.0, 9.0, "float32")]
)
def test_bf16_must_win_clearly(float32, bf16, expected, monkeypatch):
    monkeypatch.setattr(step_time, "_timed", lambda step, way: bf16 if way.precision == "bf16" else float32)
    assert choose_precision(toy_network(), ToyFeed(), 4, 1).precision == expected


def test_both_precisions_are_really_run(monkeypatch):
    seen = []
    monkeypatch.setattr(step_time, "ROUNDS", 1)
    model = toy_network()
    model.register_forward_pre_hook(lambda *called: seen.append(torch.is_autocast_enabled("cpu")))
    choose_precision(model, ToyFeed(), 4, 1)
    assert seen == [False, True, False, True]
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_slow_network_is_measured_for_a_while_and_no_longer(monkeypatch):
    now = iter(range(0, 10_000, 25))
    monkeypatch.setattr(step_time.time, "perf_counter", lambda: float(next(now)))
    seen = []
    monkeypatch.setattr(step_time, "_timed", lambda step, way: seen.append(way) or 1.0)
    assert choose_precision(toy_network(), ToyFeed(), 4, 1).precision == "float32"
    assert len(seen) == 2 * 2, "a round that compiles, and one that counts"


def test_row_107_the_second_command_settles_as_the_first_whatever_the_clock_says(clock, cache):
    first = choose_precision(toy_network(), ToyFeed(), 4, 1)
    assert str(first) == (
        f"precision bf16: bf16 steps 2x as fast as float32, measured now, kept in {entry(cache)}; "
        "--precision measure renews it"
    )
    clock["bf16"] = 9.0
    again = choose_precision(toy_network(), ToyFeed(), 4, 1)
    assert (again.precision, clock["count"]) == ("bf16", 1)
    assert "measured before, kept in" in str(again)
    renewed = choose_precision(toy_network(), ToyFeed(), 4, 1, renew=True)
    assert (renewed.precision, clock["count"]) == ("float32", 2)
    assert choose_precision(toy_network(), ToyFeed(), 4, 1).precision == "float32"


def test_more_images_than_are_measured_are_no_other_measurement(clock):
    feed = ToyFeed(count=200)
    choose_precision(toy_network(), feed, 64, 1)
    choose_precision(toy_network(), feed, 128, 1)
    assert clock["count"] == 1


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = toy_network()

    def forward(self, x):
        return self.inner(x)


DIFFERENCES = {
    "network": lambda: (Other(), ToyFeed(), 4, WAYS),
    "batch": lambda: (toy_network(), ToyFeed(), 5, WAYS),
    "threads": lambda: (toy_network(), ToyFeed(), 4, (StepVariant("float32", 2), StepVariant("bf16", 2))),
    "precision": lambda: (toy_network(), ToyFeed(), 4, WAYS[:1]),
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_another_question_is_measured_by_itself(what, clock):
    cached_step_times(toy_network(), ToyFeed(), 4, WAYS)
    cached_step_times(*DIFFERENCES[what]())
    assert clock["count"] == 2


@pytest.mark.parametrize("part", ["processor", "torch", "instructions"])
def test_another_machine_or_version_is_measured_by_itself(part, clock, monkeypatch):
    cached_step_times(toy_network(), ToyFeed(), 4, WAYS)
    here = step_time_cache.environment()
    monkeypatch.setattr(step_time_cache, "environment", lambda: {**here, part: "another"})
    cached_step_times(toy_network(), ToyFeed(), 4, WAYS)
    assert clock["count"] == 2


class Addressed(nn.Sequential):
    def extra_repr(self):
        return f"act=<function relu at {id(self):#x}>"


def test_a_network_that_prints_an_address_is_found_again(clock):
    several = [Addressed(toy_network()) for _ in range(2)]
    assert repr(several[0]) != repr(several[1])
    for model in several:
        cached_step_times(model, ToyFeed(), 4, WAYS)
    assert clock["count"] == 1


BROKEN = {
    "cut": lambda text: text[:40],
    "empty": lambda text: "",
    "a list": lambda text: "[]",
    "no times": lambda text: json.dumps({**json.loads(text), "seconds": [0.0, "fast"]}),
    "too few": lambda text: json.dumps({**json.loads(text), "seconds": [1.0]}),
    "of another": lambda text: text.replace('"batch": 4', '"batch": 5'),
    "deep": lambda text: "[" * 100_000,
}


@pytest.mark.parametrize("how", BROKEN)
def test_row_107_what_is_kept_and_broken_is_measured_again_with_a_note(how, clock, cache, caplog):
    cached_step_times(toy_network(), ToyFeed(), 4, WAYS)
    path = entry(cache)
    whole = path.read_text()
    path.write_text(BROKEN[how](whole))
    assert not cached_step_times(toy_network(), ToyFeed(), 4, WAYS).before
    assert f"{path} is broken" in caplog.text
    assert path.read_text() == whole


def test_what_another_version_kept_is_measured_again_without_a_note(clock, cache, caplog):
    cached_step_times(toy_network(), ToyFeed(), 4, WAYS)
    path = entry(cache)
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 0}))
    assert not cached_step_times(toy_network(), ToyFeed(), 4, WAYS).before
    assert caplog.text == ""


@pytest.mark.parametrize("blocked", ["a file", "no home"])
def test_a_cache_that_cannot_be_written_is_said(blocked, clock, tmp_path, monkeypatch, caplog):
    if blocked == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
        with pytest.raises(ResourceError, match="no home folder") as error:
            choose_precision(toy_network(), ToyFeed(), 4, 1)
        assert error.value.do == "set XDG_CACHE_HOME to a folder"
        return
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = choose_precision(toy_network(), ToyFeed(), 4, 1)
    assert "the next run may choose otherwise" in caplog.text
    assert "measured now, not kept" in str(said)


def test_two_at_the_same_moment_measure_once(monkeypatch):
    count, times = [], iter([1.0, 2.0])

    def measured(model, feed, batch_size, ways):
        count.append(threading.get_ident())
        threading.Event().wait(0.3)
        return dict.fromkeys(ways, next(times))

    monkeypatch.setattr(step_time_cache, "step_seconds", measured)
    found = []

    def ask():
        found.append(cached_step_times(toy_network(), ToyFeed(), 4, WAYS).seconds[WAYS[0]])

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(count), found) == (1, [1.0, 1.0])


def test_a_run_goes_on_as_it_began():
    assert asdict(precision_of_run({"precision": "bf16"})) == {"precision": "bf16", "origin": "as it began"}
    assert precision_of_run({}) is None
    assert str(ChosenPrecision("fp16")) == "precision fp16: given"
