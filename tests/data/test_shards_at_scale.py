"""40 shards, 2 ranks of 2 workers each, three epochs, killed in the middle: every image exactly once an epoch."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from shard_rank import BATCH, EPOCHS, SEED, taken
from tars import numbers, opened, shards

SHARDS, RANKS, COUNT = 40, 2, 100_000


def start(root, rank, log, ranks=RANKS, workers=2):
    command = [sys.executable, Path(__file__).with_name("shard_rank.py"), root, rank, ranks, workers, log]
    return subprocess.Popen([str(part) for part in command])


def kill_in_epoch_2(process, log, steps):
    while not log.exists() or log.read_text().count("\n") < 1.4 * steps:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    epoch, step = taken(log)[-1][:2]
    assert (epoch == 2 and step < steps - 1) or epoch == 3, "the kill came too late"


def test_a_rank_that_is_killed_goes_on_to_the_images_of_the_undisturbed_global_batches(tmp_path):
    root, log = shards(tmp_path / "shards", SHARDS, 100), tmp_path / "rank1"
    alone = opened(root, BATCH)
    process = start(root, 1, log)
    kill_in_epoch_2(process, log, alone.steps_per_epoch)
    assert start(root, 1, log).wait() == 0
    whole = [numbers(images) for epoch in range(1, EPOCHS + 1) for images, _ in alone.train_batches(SEED, epoch)]
    assert [row[2] for row in taken(log)] == [ids[len(ids) // 2 :] for ids in whole]


@pytest.mark.slow
def test_every_image_exactly_once_an_epoch_through_a_kill_and_a_resume(tmp_path):
    root = shards(tmp_path / "shards", SHARDS, COUNT // SHARDS)
    steps = opened(root, BATCH).steps_per_epoch
    logs = [tmp_path / f"rank{rank}" for rank in range(RANKS)]
    running = [start(root, rank, log) for rank, log in enumerate(logs)]
    for process, log in zip(running, logs, strict=True):
        kill_in_epoch_2(process, log, steps)
    running = [start(root, rank, log) for rank, log in enumerate(logs)]
    assert [process.wait() for process in running] == [0] * RANKS
    ranks = [taken(log) for log in logs]
    assert all([row[:2] for row in rank] == [[e + 1, s] for e in range(EPOCHS) for s in range(steps)] for rank in ranks)
    assert_once(ranks, COUNT)
    assert_flat(ranks)


def assert_once(ranks, count):
    for epoch in range(1, EPOCHS + 1):
        seen = [n for rank in ranks for at, _, ids, _ in rank if at == epoch for n in ids]
        assert len(seen) == count
        assert set(seen) == set(range(count))


def assert_flat(ranks):
    """Compare what a rank and its workers hold in the last epoch with the first, which had another process."""
    for rank in ranks:
        first, last = (max([memory for at, _, _, memory in rank if at == epoch], default=0) for epoch in (1, EPOCHS))
        assert last <= first + 16, f"{first} MiB, then {last} MiB"
