"""Images that cannot be read are counted once, over epochs, ranks and processes, and stand in what a run leaves."""

import json
from dataclasses import replace

import pytest
from torch import nn
from zoo import folder

from senet.data import DataConfig, Loading
from senet.data.unused import Unused, merge_unread, unreadable_records, unused, unused_sentences
from senet.training import Recipe, open_feed, train
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.in_memory import train_in_memory
from senet.training.report.page import render_run_page
from senet.weights import write_state
from toy import job

QUICK = Recipe(epochs=2, batch_size=6)


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


@pytest.fixture
def spoilt(tmp_path):
    """Photos of which two cannot be read, and a text beside them."""
    root = folder(tmp_path / "photos", train=9, test=4)
    for split in ("train", "test"):
        names = sorted((root / split).rglob("*.jpg"))
        names[0 if split == "train" else -1].write_bytes(b"<html>")
    (root / "train/cat/notes.txt").write_text("x")
    return root


def feed(root, in_memory):
    settings = DataConfig(f"folder:{root}", image_size=16, in_memory=in_memory)
    return open_feed(settings, QUICK, Loading(on_error="skip"))


def kinds(records):
    return sorted((one.why, one.split, one.count) for one in records)


EXPECTED = [("other", "train", 1), ("unreadable", "test", 1), ("unreadable", "train", 1)]


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_run_counts_them_once_in_every_file(spoilt, tmp_path, in_memory):
    data = feed(spoilt, in_memory)
    done = train(network(), data, job(tmp_path / "run", recipe=QUICK), write_state)
    assert kinds(done.unused) == EXPECTED
    kept = json.loads((tmp_path / "run/result.json").read_text())["unused"]
    assert sorted((one["why"], one["split"], one["count"]) for one in kept) == EXPECTED
    known = json.loads((tmp_path / "run/run.json").read_text())["unused"]
    assert [one["examples"] for one in known] == [["train/cat/notes.txt"]]
    shown = render_run_page(tmp_path / "run")
    assert "images that cannot be read: 2 (train 1, test 1)" in shown
    assert "not images by their names: 1 (train 1): train/cat/notes.txt" in shown


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_trial_keeps_their_names(spoilt, in_memory):
    kept = train_in_memory(network(), feed(spoilt, in_memory), QUICK, 0)
    assert {split: len(names) for split, names in kept.unread.items()} == {"train": 1, "test": 1}


def test_a_run_that_is_resumed_remembers_what_it_could_not_read_before(spoilt, tmp_path):
    begun = job(tmp_path / "run", recipe=QUICK)
    train(network(), feed(spoilt, False), begun, write_state)
    (tmp_path / "run/result.json").unlink()
    done = train(network(), feed(spoilt, False), replace(begun, resume=True), write_state)
    assert kinds(done.unused) == EXPECTED


def test_what_several_ranks_and_epochs_lost_is_counted_once():
    parts = [{"train": ["b", "a"]}, {"train": ["a"], "test": ["t"]}, {}, {"": ["x"]}]
    assert merge_unread(parts) == {"train": ["a", "b"], "test": ["t"], "": ["x"]}
    assert [one.count for one in unreadable_records(merge_unread(parts))] == [2, 1, 1]
    assert merge_unread([{}, {}]) == {}


def test_a_sentence_tells_kind_splits_and_examples():
    found = (*unused("other", "train", [f"{i}.txt" for i in range(1200)]), *unused("other", "val", ["v.xml"]))
    assert unused_sentences(found) == [
        "not used, not images by their names: 1,201 (train 1,200, val 1): 0.txt, 1.txt, 2.txt and 1,198 more"
    ]
    assert unused("other", "train", []) == ()
    assert "line\nend" not in unused_sentences([Unused("hidden", "", 1, ("line\nend",))])[0]


def test_a_run_in_which_all_can_be_read_says_nothing(tmp_path):
    data = feed(folder(tmp_path / "photos", train=9, test=4), False)
    done = train(network(), data, job(tmp_path / "run", recipe=QUICK), write_state)
    assert done.unused == ()
    assert "unread" not in CheckpointManager(tmp_path / "run").load_newest(lambda said: None).state
