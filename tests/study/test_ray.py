# A study on Ray gives what local workers give, and survives the loss of any process.
import os
import re
import signal
import socket
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
import ray_run
from local_ray import LocalRay, kept, processes, results, studied, study, wait_for

from launching import ended, start
from senet.cli.compare.job import make_runner
from senet.distributed.process_group import SingleProcess
from senet.errors import DataError, ResourceError, UsageError
from senet.study.runners.runner import ATTEMPTS
from senet.utils.environment import environment

pytest.importorskip("ray")
from senet.study.runners.ray import cluster, node
from senet.study.runners.ray.backend import RayRunner

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time
LONG = 60  # epochs: a trial takes seconds


@pytest.fixture
def short():
    with TemporaryDirectory(prefix="ray-") as folder:  # a path of pytest's would be too long for Ray's sockets
        yield folder


@pytest.mark.slow
def test_a_study_on_a_ray_of_its_own_equals_local_workers_byte_for_byte_and_leaves_no_process(tmp_path, short):
    before = {pid for pid, _, name in processes() if "ray" in name}
    code, said = studied(tmp_path / "ray", 2, "ray", RAY_ADDRESS="local", RAY_TMPDIR=short)
    assert code == 0, said
    assert "note: no Ray cluster was found: one runs on this machine" in said
    ray_run.run(tmp_path / "local", 2, "local")
    assert len(kept(tmp_path / "ray")) == 5
    assert kept(tmp_path / "ray") == kept(tmp_path / "local")
    assert not [name for pid, _, name in processes() if "ray/core" in name and pid not in before]


def test_a_missing_ray_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "senet.study.runners.ray.backend", None)
    with pytest.raises(UsageError, match="extra `ray`") as error:
        make_runner("ray", 1, SingleProcess())
    assert error.value.do == "pip install 'senet[ray]'"


@pytest.mark.enable_socket
@pytest.mark.parametrize("address", ["ray://127.0.0.1:1", "ray://nowhere.invalid:10001", "ray://127.0.0.1"])
def test_a_cluster_that_does_not_answer_is_named_at_once(tmp_path, address):
    begun = time.monotonic()
    with pytest.raises(ResourceError, match="does not answer") as error:
        RayRunner(address).run(ray_run.trials(2), tmp_path, ray_run.Printed())
    assert error.value.where == address
    assert "ray start" in error.value.do
    assert time.monotonic() - begun < 30


@pytest.mark.enable_socket
def test_a_cluster_that_was_not_stopped_but_is_gone_is_no_cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert cluster.local_ray_address() is None
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    assert cluster.local_ray_address() is None


@pytest.mark.enable_socket
@pytest.mark.parametrize("refusals", [0, 1, 2, 3])
def test_a_server_of_the_cluster_that_dies_before_it_serves_is_told_and_another_is_asked_for(monkeypatch, refusals):
    left, said = [ConnectionAbortedError("Starting Ray client\nserver failed")] * refusals, []

    def connect(_):
        if left:
            raise left.pop()

    monkeypatch.setattr(cluster, "connect", connect)
    monkeypatch.setattr(cluster, "PAUSE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        where = f"ray://127.0.0.1:{listening.getsockname()[1]}"
        refused = pytest.raises(ResourceError, match="cannot be joined: Starting Ray client server failed")
        with refused if refusals == 3 else nullcontext(), cluster.ray_cluster(where, 1, said.append):
            assert said.pop() == f"trials run on the Ray cluster at {where}"
    failed = f"the Ray cluster at {where} could not be joined (Starting Ray client server failed): trying again"
    assert said == [failed] * min(refusals, 2)


@pytest.fixture
def on_node(monkeypatch):
    monkeypatch.setattr(node, "_node_id", lambda: "0123456789abcdef")


@pytest.mark.usefixtures("on_node")
def test_a_node_of_another_kind_says_what_differs_and_trains_nothing():
    planned = {**environment(), "torch": "1.0"}
    found = node.run_on_node(replace(ray_run.trials(2)[0], environment=planned))
    assert found.node == "0123456789abcdef"
    assert "node 01234567 (" in found.said
    assert f"torch 1.0 -> {environment()['torch']}" in found.said
    assert "processor" not in found.said


@pytest.mark.usefixtures("on_node")
def test_other_data_on_a_node_ends_the_study_and_names_the_node():
    ended = node.run_on_node(replace(ray_run.trials(2)[0], fingerprint="0" * 64))
    assert isinstance(ended, DataError)
    assert "node 01234567 (" in ended.where


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    ray_run.run(folder, LONG, "local")
    return kept(folder)


@pytest.fixture(scope="module")
def one_node():
    cluster = LocalRay()
    yield cluster
    cluster.stop()


@pytest.fixture
def two_nodes(one_node):
    node = one_node.join()
    yield one_node, node
    one_node.leave(node)


@pytest.mark.slow
def test_two_nodes_give_the_results_of_local_workers_and_stay(two_nodes, undisturbed, tmp_path):
    cluster, _ = two_nodes
    process = study(tmp_path, LONG, "ray", **cluster.environment)  # found as `ray start` left it
    wait_for(lambda: len(cluster.workers()) == 2)  # one on each
    code, said = ended(process)
    assert code == 0, said
    assert re.search(rf"note: trials run on the Ray cluster at \S+:{cluster.port}\n", said)
    assert kept(tmp_path) == undisturbed
    assert all(node.poll() is None for node in cluster.processes)
    wait_for(lambda: not cluster.workers())


@pytest.mark.slow
def test_a_killed_worker_is_told_and_its_trial_begins_again(one_node, undisturbed, tmp_path):
    process = study(tmp_path, LONG, one_node.client)
    os.kill(wait_for(one_node.workers, process)[0], signal.SIGKILL)
    code, said = ended(process)
    assert code == 0, said
    assert "note: none, seed 0: its process or its node died; it begins again" in said
    assert kept(tmp_path) == undisturbed


@pytest.mark.slow
def test_a_trial_that_loses_its_process_again_and_again_fails_and_the_others_go_on(one_node, tmp_path):
    process, killed = study(tmp_path, LONG, "ray", RAY_ADDRESS=one_node.address), []
    for _ in range(ATTEMPTS):
        killed.extend(wait_for(lambda: [pid for pid in one_node.workers() if pid not in killed]))
        os.kill(killed[-1], signal.SIGKILL)
    code, said = ended(process)
    assert code == 0, said
    assert f"failed none 0 its process or its node died, {ATTEMPTS} times" in said
    assert said.count("finished") == 3


@pytest.mark.slow
def test_a_lost_node_is_told_and_its_trial_begins_again(two_nodes, undisturbed, tmp_path):
    cluster, node = two_nodes
    process = study(tmp_path, LONG, "ray", RAY_ADDRESS=cluster.address)
    wait_for(lambda: len(cluster.workers()) == 2)
    cluster.leave(node)
    code, said = ended(process)
    assert code == 0, said
    assert "its process or its node died; it begins again" in said
    assert kept(tmp_path) == undisturbed


@pytest.mark.slow
def test_a_killed_driver_takes_its_tasks_along_and_the_same_command_continues(one_node, undisturbed, tmp_path):
    process = study(tmp_path, LONG, "ray", RAY_ADDRESS=one_node.address)
    wait_for(lambda: results(tmp_path))
    process.kill()
    process.communicate()
    before = results(tmp_path)
    assert 0 < len(before) < 4
    wait_for(lambda: not one_node.workers())
    code, said = studied(tmp_path, LONG, "ray", RAY_ADDRESS=one_node.address)
    assert code == 0, said
    assert said.count("finished") == 4 - len(before)
    assert before.items() <= results(tmp_path).items()
    assert kept(tmp_path) == undisturbed


@pytest.mark.slow
def test_a_node_of_another_kind_runs_no_trial_beside_one_that_fits(one_node, undisturbed, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import platform\nplatform.machine = lambda: 'other'\n")
    node = one_node.join(PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    code, said = studied(tmp_path, LONG, "ray", RAY_ADDRESS=one_node.address)
    one_node.leave(node)
    assert code == 0, said
    assert said.count("it runs no trial") == 1
    assert "differs from where the study was planned: system Linux" in said
    assert "-> Linux other: it runs no trial" in said
    assert kept(tmp_path) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_leaves_a_foreign_cluster_as_it_was(one_node, tmp_path, number, code):
    few = ["--train-fraction", "0.05", "--seeds", "2", "--epochs", 500, "--precision", "float32", "--threads", 1]
    command = [sys.executable, "-m", "senet", "compare", *few, "--out", tmp_path, "--on", "ray"]
    process = start(*command, **one_node.environment, RAY_ADDRESS=one_node.address)
    wait_for(one_node.workers, process)
    process.send_signal(number)
    assert ended(process)[0] == code
    wait_for(lambda: not one_node.workers())
    assert one_node.processes[0].poll() is None
