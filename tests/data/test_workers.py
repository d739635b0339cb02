"""Worker processes: they change the speed and nothing else, and when they die it is said why."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter
from zoo import feed, folder

from senet.data.loader import workers
from senet.data.sampling.rank_share import Share
from senet.errors import DataError, ResourceError
from small_disk import run_with


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos", train=10)


@dataclass(frozen=True)
class Draws:
    """Paints what each of the three generators draws for the image, and nothing of the image."""

    def __call__(self, image):
        values = torch.randint(0, 256, (8,)).tolist()
        values += np.random.randint(0, 256, 8).tolist()
        values += [random.randrange(256) for _ in range(8)]
        return Image.fromarray(np.array(values, np.uint8).reshape(1, 8, 3))


@dataclass(frozen=True)
class Fatal:
    """Kills its own process when it meets the folder's marker."""

    marker: Path
    number: int

    def __call__(self, image):
        if self.marker.exists():
            self.marker.unlink()
            os.kill(os.getpid(), self.number)
        return image.resize((4, 4))


def rows(images):
    return [tuple(image.flatten().tolist()) for image in images]


@pytest.mark.parametrize("count", [1, 3])
def test_workers_change_no_byte_and_no_order(root, count):
    alone, together = (list(feed(root, workers=n).train_batches(7, 2)) for n in (0, count))
    assert len(alone) == len(together) == 5
    for (images, labels), (others, other_labels) in zip(alone, together, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, other_labels)
        assert others.is_contiguous(memory_format=torch.channels_last)


def test_row_25_no_two_samples_epochs_workers_or_ranks_share_a_stream_of_torch_numpy_or_python(root):
    data = feed(root, transforms=(Draws(),), workers=3)
    images = torch.cat([batch for epoch in (1, 2) for batch, _ in data.train_batches(1, epoch)])
    for part in (images[..., :2], images[..., 3:5], images[..., 6:]):
        assert len(set(rows(part))) == 40
    whole = feed(root, transforms=(Draws(),), workers=1)
    ranks = [replace(whole, loading=replace(whole.loading, share=Share(rank, 2))) for rank in (0, 1)]
    shares = [rows(torch.cat([batch for batch, _ in data.train_batches(1, 1)])) for data in ranks]
    assert [len(set(share)) for share in shares] == [10, 10]
    assert set(shares[0]) | set(shares[1]) == set(rows(images[:20])), "ranks draw as one process does, and not alike"
    again = torch.cat(
        [batch for epoch in (1, 2) for batch, _ in feed(root, transforms=(Draws(),)).train_batches(1, epoch)]
    )
    assert torch.equal(images, again)


def test_row_25_another_seed_draws_something_else(root):
    draws = [
        set(rows(torch.cat([b for b, _ in feed(root, transforms=(Draws(),)).train_batches(s, 1)]))) for s in (1, 2)
    ]
    assert not draws[0] & draws[1]


@pytest.mark.parametrize("count", [0, 2])
def test_loading_draws_nothing_from_the_callers_generators(root, count):
    def drawn():
        return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()

    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    expected = drawn()
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    list(feed(root, workers=count).train_batches(1, 1))
    assert drawn() == expected


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.slow)])
def test_row_22_a_worker_that_is_killed_is_named_with_signal_and_samples(root, tmp_path, number, monkeypatch):
    """The loader looks at its workers each five seconds, which is said to it here as a tenth."""
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.1,))
    marker = tmp_path / "marker"
    marker.touch()
    data = feed(root, transforms=(Fatal(marker, number),), workers=1 if number == signal.SIGKILL else 2)
    with pytest.raises(ResourceError, match=rf"data worker \d died \(signal {number}, {number.name}\)") as error:
        list(data.train_batches(1, 1))
    assert "about step" in error.value.where
    assert "(sample " in error.value.where
    assert error.value.exit_code == 6
    assert ("senet data check" in error.value.do) == (number == signal.SIGSEGV)
    assert len(list(data.train_batches(1, 1))) == 5, "the next epoch starts with new workers"


def test_an_error_in_a_worker_arrives_whole(root):
    (root / "train" / "dog" / "02.jpg").write_bytes(b"")
    with pytest.raises(DataError) as error:
        list(feed(root, workers=2).train_batches(1, 1))
    assert error.value.where == "train/dog/02.jpg (sample 12)"
    assert "worker" not in error.value.what


def test_row_23_shared_memory_that_is_too_small_is_said_before_the_start(root, monkeypatch):
    usage = os.statvfs_result((4096, 4096, 1000, 4, 4, 10, 10, 10, 0, 255))
    monkeypatch.setattr(workers.os, "statvfs", lambda path: usage)
    monkeypatch.setattr(workers, "SHARED_MEMORY", root)
    with pytest.raises(ResourceError, match=r"2 workers need .* MiB of shared memory; 0 MiB are free") as error:
        list(feed(root, batch_size=16, workers=2).train_batches(1, 1))
    assert "--shm-size" in error.value.do
    assert "--workers 0 needs none" in error.value.do
    assert len(list(feed(root, batch_size=16).train_batches(1, 1))) == 2


SHARED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from zoo import feed
print(sum(len(labels) for _, labels in feed(Path({root!r}), batch_size=4, workers=1).train_batches(1, 1)), flush=True)
list(feed(Path({root!r}), batch_size=1000, workers=2).train_batches(1, 1))
"""


def test_row_23_a_real_shared_memory_of_one_mebibyte_is_said_with_its_size(root):
    code = SHARED.format(tests=str(Path(__file__).parent), root=str(root))
    done = run_with(workers.SHARED_MEMORY, "1m", "-c", code)
    assert done.stdout == "20\n", done.stderr
    assert "2 workers need 4 MiB of shared memory; 1 MiB are free\n/dev/shm\nlower the workers" in done.stderr


FILES = """
import sys, resource
from pathlib import Path
sys.path.insert(0, {tests!r})
from zoo import feed
data = feed(Path({root!r}), batch_size=2, workers=8)
list(feed(Path({root!r})).train_batches(1, 1))  # everything is imported
resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
list(data.train_batches(1, 1))
"""


def test_row_24_too_many_open_files_names_the_limit(root):
    code = FILES.format(tests=str(Path(__file__).parent), root=str(root))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "too many open files: the limit is 24" in out.stderr
    assert "ulimit -n" in out.stderr


SPAWNED = """
import multiprocessing, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from zoo import feed
multiprocessing.set_start_method("spawn", force=True)
{guard}
    print(sum(len(labels) for _, labels in feed(Path({root!r}), workers=1).train_batches(1, 1)))
"""


@pytest.mark.slow
def test_row_24_where_processes_are_spawned_a_script_without_a_guard_is_told_so(root, tmp_path):
    ran = []
    for guard in ('if __name__ == "__main__":', "if True:"):
        script = tmp_path / "script.py"
        script.write_text(SPAWNED.format(tests=str(Path(__file__).parent), root=str(root), guard=guard))
        ran.append(subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300))
    guarded, bare = ran
    assert (guarded.returncode, guarded.stdout) == (0, "20\n"), guarded.stderr
    assert "data worker 0 died (exit code 1)" in bare.stderr
    assert 'a script needs if __name__ == "__main__":' in bare.stderr


def test_workers_die_of_sigterm_whatever_the_callers_handler_is(root):
    def deaf(number, frame):
        """Stay."""

    others = set(multiprocessing.active_children())
    before = signal.signal(signal.SIGTERM, deaf)
    try:
        batches = feed(root, workers=2).train_batches(1, 1)
        next(batches), next(batches)  # one of each worker: both are at work
        started = set(multiprocessing.active_children()) - others
        assert len(started) == 2
        for worker in started:
            worker.terminate()
            worker.join(30)
        assert [worker.exitcode for worker in started] == [-signal.SIGTERM] * 2
        batches.close()
        batches = feed(root, workers=2).train_batches(1, 1)
        next(batches)
        batches.close()
        assert not set(multiprocessing.active_children()) - others
        assert signal.getsignal(signal.SIGTERM) is deaf
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_callers_sigchld_handler_is_kept(root):
    before = signal.getsignal(signal.SIGCHLD)
    list(feed(root, workers=1).train_batches(1, 1))
    assert signal.getsignal(signal.SIGCHLD) == before


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("first", [0, 4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5))])
def test_an_epoch_can_be_entered_at_any_step(root, count, first):
    whole = list(feed(root).train_batches(3, 4))
    rest = list(feed(root, workers=count).train_batches(3, 4, first))
    assert len(rest) == 5 - first
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(whole[first:], rest, strict=True))


def test_evaluation_with_workers_is_the_same(root):
    alone, together = (list(feed(root, workers=n).test) for n in (0, 2))
    assert sum(len(labels) for _, labels in alone) == 6
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(alone, together, strict=True))
