# Ranks that die, hang, raise or do not fit together: named, ended, and continued to the same bytes.
import shutil
import sys
import time

import pytest

from launching import TOY, ended, start, torchrun

pytestmark = pytest.mark.xdist_group("ranks")  # one launch at a time

STEP = 9
FREE = "import socket; s = socket.create_server(('', 0)); print(s.getsockname()[1])"
SAME = ("weights/last.safetensors", "weights/best.safetensors", "results.csv", "result.json")


def broken(folder, act, rank, restarts=0, ranks=2):
    folder.mkdir(exist_ok=True)
    return ended(torchrun(ranks, TOY, "broken", folder, act, rank, STEP, restarts=restarts))


def assert_same_bytes(found, expected):
    for name in SAME:
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "broken").touch()
    code, said = broken(folder, "raise", 0)
    assert code == 0, said
    return folder


def test_row_72_a_rank_that_raises_speaks_first_and_the_launch_fails(tmp_path):
    began = time.monotonic()
    code, said = broken(tmp_path, "raise", 1)
    assert code != 0
    assert time.monotonic() - began < 60
    first = next(line for line in said.splitlines() if "Error: " in line)
    assert first.endswith("ValueError: this rank has a fault of its own")
    root = said[said.index("Root Cause") :]
    assert "rank      : 1" in root
    assert "in train_batches" in root, "its traceback is in the launcher's summary"
    assert "RankLostError" not in said
    assert "connection" not in said.lower()


@pytest.mark.slow
@pytest.mark.parametrize(("act", "rank"), [("kill", 0), ("kill", 1), ("raise", 0), ("raise", 1)])
def test_row_73_a_restart_ends_with_the_bytes_of_an_undisturbed_run(act, rank, undisturbed, tmp_path):
    code, said = broken(tmp_path, act, rank, restarts=1)
    assert code == 0, said
    heard = (tmp_path / "heard.txt").read_text()
    assert heard.splitlines()[0] == "begin 0"
    assert "continues at epoch 2, step 3" in heard
    assert_same_bytes(tmp_path, undisturbed)


@pytest.mark.slow
def test_row_73_a_run_that_was_killed_and_resumed_by_hand_ends_with_the_same_bytes(undisturbed, tmp_path):
    code, said = broken(tmp_path, "kill", 1)
    assert code != 0
    assert "rank      : 1" in said[said.index("Root Cause") :]
    assert "SIGKILL" in said
    code, said = broken(tmp_path, "kill", 1)
    assert code == 0, said
    assert_same_bytes(tmp_path, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_row_73_a_rank_that_hangs_is_named_within_thirty_seconds_and_replaced(rank, undisturbed, tmp_path):
    tmp_path.mkdir(exist_ok=True)
    process = torchrun(2, TOY, "broken", tmp_path, "stop", rank, STEP, restarts=1)
    said = []
    for line in process.stdout:
        said.append(line)
        if (tmp_path / "broken").exists() and "no heartbeat" in line:
            break
    silent = time.time() - (tmp_path / "broken").stat().st_mtime
    code, rest = ended(process)
    assert f"rank {rank} (pid" in said[-1], said
    assert silent < 15  # of half the usual intervals
    assert code == 0, rest
    assert_same_bytes(tmp_path, undisturbed)


@pytest.mark.slow
def test_row_73_ranks_whose_launcher_is_killed_say_so_and_end(undisturbed, tmp_path):
    code, said = broken(tmp_path, "launcher", 0)  # returns when the last of them has closed its output
    assert code == -9
    assert "the launcher or the rendezvous host is gone" in said
    code, said = broken(tmp_path, "launcher", 0)
    assert code == 0, said
    assert_same_bytes(tmp_path, undisturbed)


@pytest.mark.slow
def test_row_73_ranks_that_no_launcher_watches_name_the_loss_themselves(tmp_path):
    code, port = ended(start(sys.executable, "-c", FREE))
    assert code == 0
    rendezvous = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": port.strip()}
    ranks = [
        start(sys.executable, TOY, "broken", tmp_path, "kill", 1, STEP, RANK=rank, LOCAL_RANK=rank, **rendezvous)
        for rank in "01"
    ]
    (first, said), (second, _) = (ended(process) for process in ranks)
    assert (first, second) == (1, -9)
    assert "the connection to another rank is lost: it was killed, or its machine is down" in said


@pytest.mark.slow
def test_a_signal_to_the_launcher_stops_all_ranks_after_one_step_and_saves(undisturbed, tmp_path):
    code, said = broken(tmp_path, "terminate", 1)
    assert code != 0
    assert "stopped by signal 15 at epoch 2" in said
    code, said = broken(tmp_path, "terminate", 1)
    assert code == 0, said
    assert_same_bytes(tmp_path, undisturbed)


@pytest.mark.slow
def test_row_74_a_slow_start_of_rank_0_is_no_timeout(tmp_path):
    code, said = ended(torchrun(2, TOY, "slow", tmp_path))
    assert code == 0, said
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["scanned None [2.0]"] * 2


UNLIKE = {
    "weights": "rank 1 differs from rank 0: conv1.bias differs in value; conv1.weight differs in value",
    "recipe": "rank 1 differs from rank 0: recipe.lr 0.05 -> 0.02",
    "data": "rank 1 differs from rank 0: data ",
    "unused": "unused parameters: spare.weight, spare.bias",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", UNLIKE)
def test_row_75_ranks_that_do_not_fit_together_are_refused_before_the_first_step(what, tmp_path):
    code, said = ended(torchrun(2, TOY, "unlike", tmp_path, what))
    assert code != 0
    assert UNLIKE[what] in said
    assert not (tmp_path / "results.csv").exists()


@pytest.mark.slow
def test_another_number_of_ranks_continues_a_run_and_is_said_not_to_be_bit_exact(tmp_path):
    for ranks, epochs in ((2, 1), (3, 2), (1, 3)):
        code, said = ended(torchrun(ranks, TOY, "resumed", tmp_path, epochs))
        assert code == 0, said
    heard = (tmp_path / "heard.txt").read_text()
    for change in ("environment.ranks 2 -> 3", "environment.ranks 3 -> 1"):
        assert f"changed since the checkpoint: {change}" in heard
    assert heard.count("sums are rounded otherwise: results are not bit-identical") == 2
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 1 + 3
    shutil.rmtree(tmp_path)
