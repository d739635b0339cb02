from dataclasses import replace

import pytest
import torch
from torch import nn

from rank_toy import SHORT, Sliced, WithSpare, without_norms
from senet.distributed import error_reports
from senet.distributed.consistency import require_no_unused_parameters, require_same_on_all_ranks
from senet.distributed.error_reports import explain_signals, report_errors_to_peers
from senet.distributed.launch import Launch, device_name, is_restarted, read_launch
from senet.distributed.process_group import SINGLE_PROCESS, PeerFailedError, RankLostError
from senet.errors import UsageError
from senet.training.checkpoint.run_identity import run_identity
from senet.training.setup.freeze import FineTuneConfig
from senet.training.setup.prepare_model import prepare_network

TWO = {
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}


def test_what_torchrun_says_is_read():
    assert read_launch(TWO) == Launch(1, 2, 1, 2, "localhost:29500")


@pytest.mark.parametrize("environment", [{}, {"WORLD_SIZE": "1"}, {**TWO, "WORLD_SIZE": "1", "RANK": "0"}])
def test_a_process_on_its_own_is_no_launch(environment):
    assert read_launch(environment) is None


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"])
def test_row_76_a_missing_part_of_the_rendezvous_is_named_with_what_to_do(name):
    with pytest.raises(UsageError, match=name) as error:
        read_launch({key: value for key, value in TWO.items() if key != name})
    assert "torchrun --nproc-per-node N -m senet" in error.value.do


@pytest.mark.parametrize("change", [{"RANK": "two"}, {"RANK": "2"}, {"MASTER_PORT": "http"}])
def test_row_76_values_that_cannot_be_are_shown(change):
    with pytest.raises(UsageError, match=next(iter(change.values()))):
        read_launch({**TWO, **change})


def test_row_76_more_ranks_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="2 ranks on this machine, which has 1 GPU") as error:
        device_name("auto", read_launch(TWO))
    assert "--nproc-per-node 1" in error.value.do
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_name("auto", read_launch(TWO)) == "cuda:1"
    assert device_name("cpu", read_launch(TWO)) == "cpu"


def test_row_76_one_device_for_all_ranks_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert device_name("auto", read_launch(TWO)) == "cpu"
    for name in ("cuda:0", "mps"):
        with pytest.raises(UsageError, match=f"--device {name} with 2 ranks"):
            device_name(name, read_launch(TWO))
    with pytest.raises(UsageError, match="which has 0 GPUs"):
        device_name("cuda", read_launch(TWO))


@pytest.mark.parametrize(("count", "again"), [(None, False), ("0", False), ("2", True)])
def test_a_restart_is_known_by_its_count(count, again):
    assert is_restarted({} if count is None else {"TORCHELASTIC_RESTART_COUNT": count}) is again


class Said:
    """A process group in which the others have said what they are."""

    def __init__(self, others):
        self.others = others

    def all_gather(self, value):
        return [value, *self.others]


class Listening:
    def all_gather(self, value):
        self.heard = value
        return [value]


def said_of(model, feed, recipe=SHORT):
    return {**run_identity(model, feed, FineTuneConfig(recipe), 0), "steps per epoch": feed.steps_per_epoch}


def heard_of(model, feed=None, recipe=SHORT):
    feed, group = feed or Sliced(), Listening()
    require_same_on_all_ranks(group, said_of(model, feed, recipe), model)
    return group.heard


def wider():
    network = without_norms()
    network.fc = nn.Linear(8, 4)
    return network


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda: heard_of(without_norms(1)), "conv1.bias differs in value"),
        (lambda: heard_of(wider()), r"fc.bias is \[3\] and \[4\]; fc.weight is \[3, 8\] and \[4, 8\]"),
        (lambda: heard_of(without_norms()[:6]), "fc.bias is on one rank only"),
        (lambda: heard_of(without_norms(), Sliced(noise=5)), "data "),
        (lambda: heard_of(without_norms(), Sliced(batch_size=4)), "steps per epoch 6 -> 11"),
    ],
)
def test_row_75_ranks_that_differ_are_named_with_what_differs(other, said):
    model, feed = without_norms(), Sliced()
    with pytest.raises(UsageError, match=f"rank 1 differs from rank 0: {said}"):
        require_same_on_all_ranks(Said([other()]), said_of(model, feed), model)


def test_ranks_that_are_alike_pass():
    model, feed, alike = without_norms(), Sliced(), heard_of(without_norms())
    require_same_on_all_ranks(Said([alike, alike]), said_of(model, feed), model)
    require_same_on_all_ranks(SINGLE_PROCESS, said_of(model, feed), model)
    with pytest.raises(UsageError, match=r"rank 2 differs from rank 0: conv1\.bias differs in value"):
        require_same_on_all_ranks(Said([alike, heard_of(without_norms(1))]), said_of(model, feed), model)


def test_row_75_unused_parameters_are_named_and_frozen_ones_are_no_matter():
    require_no_unused_parameters(without_norms(), (1, 8, 8))
    model = WithSpare()
    with pytest.raises(UsageError, match=r"unused parameters: spare\.weight, spare\.bias"):
        require_no_unused_parameters(model, (1, 8, 8))
    assert all(parameter.grad is None for parameter in model.parameters())
    model.spare.requires_grad_(False)
    require_no_unused_parameters(model, (1, 8, 8))


def test_norms_are_not_shared_over_ranks_without_cuda():
    recipe = replace(SHORT, sync_norms=True)
    with pytest.raises(UsageError, match="SyncBatchNorm does not run on cpu"):
        prepare_network(without_norms(), recipe, ranks=2)
    prepare_network(without_norms(), recipe)


class Failed:
    """What the ranks have heard of one another: rank 1 may have failed."""

    def __init__(self, failure=None):
        self.found = failure

    def peer_failure(self, seconds=0):
        return self.found


def test_a_signal_that_comes_because_another_rank_failed_ends_this_one_as_that():
    told = PeerFailedError("an image", 1, 3)
    with pytest.raises(PeerFailedError) as found, explain_signals(Failed(told)):
        raise KeyboardInterrupt
    assert found.value is told
    with pytest.raises(KeyboardInterrupt), explain_signals(Failed()):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="its own"), explain_signals(Failed(told)):
        raise ValueError("its own")


def test_a_connection_that_breaks_since_another_rank_failed_is_not_told_as_the_cause(monkeypatch):
    monkeypatch.setattr(error_reports, "GRACE", 0)
    told, broken = PeerFailedError("an image", 1, 3), RuntimeError("[gloo] Connection closed by peer")
    with pytest.raises(PeerFailedError) as found, report_errors_to_peers(Failed(told)):
        raise broken
    assert found.value is told
    assert told.__cause__ is None
    assert told.__suppress_context__
    with pytest.raises(RankLostError) as lost, report_errors_to_peers(Failed()):
        raise broken
    assert lost.value.__cause__ is broken
