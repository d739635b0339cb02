# Ctrl-C: one sentence that is true of the command, and exit code 130, on a terminal and while processes start too.
import os
import signal
import subprocess
import sys
import time

import pytest

from senet.cli import run
from senet.cli.common.interrupts import DEFAULT_MESSAGE, Terminated

KEPT = "stopped: finished trials are kept; the same command continues"
STUDY = ["compare", "--seeds", "2", "--epochs", "500", "--precision", "float32", "--threads", "1", "--workers", "2"]


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_a_command_that_keeps_nothing_claims_nothing(monkeypatch, capsys, stop, code):
    def stopped(*_):
        raise stop

    monkeypatch.setattr("senet.cli.cost.count.count_costs", stopped)
    assert run(["cost", "resnet8"]) == code
    assert capsys.readouterr().err == f"{DEFAULT_MESSAGE}\n"


@pytest.mark.parametrize(("more", "said"), [([], KEPT), (["--dry-run"], DEFAULT_MESSAGE)])
def test_a_study_continues_from_the_moment_it_is_planned_and_a_dry_run_keeps_nothing(
    monkeypatch, capsys, tmp_path, more, said
):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("senet.cli.compare.job.prepare_compare", stopped)
    assert run([*STUDY, "--out", str(tmp_path), *more]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == said


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_run_that_has_a_checkpoint_names_what_goes_on_with_it(monkeypatch, capsys, tmp_path, resume):
    def stopped(*_):
        raise KeyboardInterrupt

    words = ["train", "--network", "resnet8", "--data", "digits", "--out", str(tmp_path / "run"), *resume]
    monkeypatch.setattr("senet.cli.train.job.prepare_training", stopped)
    assert run(words) == 130
    assert capsys.readouterr().err.splitlines()[-1] == DEFAULT_MESSAGE
    (tmp_path / "run" / "checkpoints" / "epoch-0001").mkdir(parents=True)
    assert run(words) == 130
    again = "the same command continues" if resume else "the same command with --resume continues"
    assert capsys.readouterr().err.endswith(f"in {tmp_path / 'run'}; {again}\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("seen", [b"0/8 trials", b"epoch 1/500"], ids=["starting", "training"])
def test_ctrl_c_on_a_terminal_reaches_all_processes_and_one_of_them_speaks(tmp_path, seen):
    leader, follower = os.openpty()
    words = [sys.executable, "-m", "senet", *STUDY, "--out", str(tmp_path)]
    child = subprocess.Popen(words, stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
    os.close(follower)
    said, end = b"", time.monotonic() + 120
    while seen not in said and time.monotonic() < end:
        said += os.read(leader, 65536)
    time.sleep(1)  # into the imports of the workers
    os.killpg(child.pid, signal.SIGINT)  # as the terminal does
    while True:
        try:
            said += os.read(leader, 65536)
        except OSError:  # all processes that had the terminal have ended
            break
    os.close(leader)
    assert child.wait() == 130
    assert b"Traceback" not in said
    assert said.split(b"\n")[-2].strip().endswith(KEPT.encode())
