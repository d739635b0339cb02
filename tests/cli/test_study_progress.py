import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from senet.cli.compare import progress
from senet.study.runners.runner import TrialProgress

TRIAL = SimpleNamespace(key="k", variant="[red]SE[/red]", seed=3)
RESULT = SimpleNamespace(key="k", variant="[red]SE[/red]", seed=3, accuracy=91.25, seconds=33.0)


@pytest.mark.parametrize("width", [60, 100])
def test_the_bar_of_a_study_moves_within_trials_and_says_what_its_times_are(monkeypatch, width):
    now, drawn = [100.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    console = Console(file=drawn, force_terminal=True, width=width)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with progress.ConsoleStudyProgress() as shown:
        shown.begin(4, 1)
        shown.running([(TRIAL, TrialProgress(0, 10, None))])
        now[0] += 30
        shown.running([(TRIAL, TrialProgress(5, 10, 80.0))])
        shown.bar.refresh()
        shown.trial(RESULT)
        shown.collecting_gates(1, 2)
        now[0] += 30
        shown.bar.refresh()
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
    assert "1/4 trials  taken 0:00:30  about 0:02:30 left" in said  # half a trial in 30 s, two and a half are left
    assert "  epoch 5/10  [red]SE[/red], seed 3  80.0%" in said
    assert "[red]SE[/red], seed 3: 91.25% in 33.0 s" in said
    assert "2/4 trials  taken 0:01:00  about 0:02:00 left" in said
    assert "gates of 1/2 trials" in said
