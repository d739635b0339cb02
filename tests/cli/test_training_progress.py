import io
import logging
import re

import pytest
from rich.console import Console

from senet.cli.train.progress import ConsoleCallback
from senet.training.writer.metrics import EpochRow


def row(epoch, top1):
    return EpochRow(epoch, 10 * epoch, 0.1, 1.25, 0.9, top1, 90.0, 40, 0, "last")


@pytest.fixture
def seconds(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr("senet.cli.train.progress.time.monotonic", lambda: now[0])
    return now


def watched(seconds, terminal, done=0, width=100):
    text, seconds[0] = io.StringIO(), 100.0
    console = Console(file=text, force_terminal=terminal, width=width)
    with ConsoleCallback(2, console) as watcher:
        watcher.begin(20, done)
        for step in range(done, 20):
            seconds[0] += 0.5
            watcher.step(2.0, 0.1, 16)
            if step % 10 == 9:
                watcher.epoch(row(step // 10 + 1, 50.0 + step))
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())


def test_without_a_terminal_there_is_a_line_per_epoch(seconds):
    lines = watched(seconds, terminal=False).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2: loss 1.2500, validation 59.00% (loss 0.9000), lr 0.1, 32 images/s")
    assert lines[0].endswith("taken 0:00:05, about 0:00:05 left")
    assert lines[1].endswith("taken 0:00:10")


def test_a_terminal_has_the_same_lines_and_below_them_a_bar_that_says_what_its_numbers_are(seconds):
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", watched(seconds, terminal=True).strip())]
    for line in watched(seconds, terminal=False).splitlines():
        assert line in " ".join(lines)
    assert lines[-1].startswith("epoch 2/2  taken 0:00:10  loss 2.000  32 images/s")


@pytest.mark.parametrize(("width", "said"), [(47, 3), (40, 2), (20, 1)])
def test_a_narrow_bar_says_the_first_things_whole(seconds, width, said):
    last = re.split(r"[\r\n]+", watched(seconds, terminal=True, width=width).strip())[-1]
    parts = ["epoch 2/2", "taken 0:00:10", "loss 2.000", "32 images/s"]
    assert last.rstrip("━ ") == "  ".join(parts[:said])
    assert len(last) <= width


def test_row_68_the_time_left_of_a_continued_run_does_not_count_what_was_done_before(seconds):
    assert watched(seconds, terminal=False, done=15).rstrip().endswith("taken 0:00:02")
    first = watched(seconds, terminal=False, done=5).splitlines()[0]
    assert first.startswith("epoch 1/2")
    assert first.endswith("taken 0:00:02, about 0:00:05 left")


def test_what_is_hostile_in_a_notice_is_spelt_out():
    text = io.StringIO()
    ConsoleCallback(1, Console(file=text)).notice("left out: \x1b[31mred")
    assert "\x1b" not in text.getvalue()


def test_what_the_library_warns_of_is_said_once_and_a_notice_not_twice():
    text = io.StringIO()
    with ConsoleCallback(2, Console(file=text, force_terminal=False, width=100)) as watcher:
        for _ in range(2):
            logging.getLogger("senet").warning("left out: %s", "a.png: torn")
        watcher.notice("a notice")
    assert text.getvalue().splitlines() == ["note: left out: a.png: torn", "note: a notice"]
