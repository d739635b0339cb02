# Real processes, really killed: the bytes at the end are those of a run that nobody disturbed.
import random
import time
from dataclasses import replace

import pytest

import forked
from toy import RECIPE, main, run

WEIGHTS = ("weights/last.safetensors", "weights/best.safetensors", "results.csv", "result.json")


def undisturbed(folder, epochs, save_every):
    run(folder, recipe=replace(RECIPE, epochs=epochs), save_every=save_every)
    return folder


def half_written(folder):
    return list(folder.glob("checkpoints/.*.tmp"))


def assert_equal_bytes(found, expected):
    for name in WEIGHTS:
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name


# One run, killed in turn: between tensors and state of a save, before its new name, and after it but before the old
# one is removed.
DEATHS = [
    ("senet.training.checkpoint.checkpoint._fill", 4),
    ("senet.training.checkpoint.checkpoint.Path.rename", 2),
    ("senet.training.checkpoint.manager.shutil.rmtree", 3),
]


@pytest.mark.slow
def test_row_55_and_56_killed_at_the_worst_moments_of_a_save(tmp_path):
    halves = 0
    for target, count in DEATHS:
        process, _ = forked.start(main, tmp_path / "killed", 4, 2, target, count)
        assert forked.ended(process) == -9, target
        halves += len(half_written(tmp_path / "killed"))
    assert halves == 2
    assert len(list((tmp_path / "killed/checkpoints").glob("epoch-*"))) == 3
    process, _ = forked.start(main, tmp_path / "killed", 4, 2)
    assert forked.ended(process) == 0
    assert not half_written(tmp_path / "killed")
    assert_equal_bytes(tmp_path / "killed", undisturbed(tmp_path / "whole", 4, 2))


@pytest.mark.slow
def test_row_55_killed_at_thirty_random_moments(tmp_path):
    moments, kills, halves, began = random.Random(0), 0, 0, time.monotonic()
    whole = undisturbed(tmp_path / "whole", 120, 1)
    longest = (time.monotonic() - began) / 40  # so that on any machine a part of the run is left after all kills
    while True:
        process, heard = forked.start(main, tmp_path / "killed", 120, 1)
        heard.recv()  # it is about to train
        if kills < 32 or not halves:
            time.sleep(moments.uniform(0, longest))
            process.kill()
        if forked.ended(process) == 0:
            break
        kills += 1
        halves += len(half_written(tmp_path / "killed"))
    assert kills >= 30
    assert halves >= 1, "no kill hit a save"
    assert_equal_bytes(tmp_path / "killed", whole)
