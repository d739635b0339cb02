"""liveness() against faults that were put there by hand."""

import math

import torch
from tiny import SHAPE, images, tiny
from torch import nn

from catalogue_of_blocks import OWN, SMALL, each, row_of, silent_of
from senet import SE, create
from senet.insertion import blocks, insert, liveness


def fresh(spec=SE(reduction=4), **options):  # noqa: B008  # a spec is frozen
    torch.manual_seed(0)
    return insert(tiny(), spec, example=SHAPE, **options)


def test_a_healthy_model_has_nothing_to_report():
    report = liveness(fresh(), images())
    assert [gate.runs for gate in report.gates] == [1] * 4
    assert report.dead == ()
    assert all(0 < gate.low <= gate.mean <= gate.high < 1 and gate.saturated == 0 for gate in report.gates)
    assert report.without_gradient == ()


def test_the_model_is_as_before():
    model = fresh()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(4)
    state = torch.get_rng_state()
    model.eval()
    liveness(model, images())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not model.training


def test_preserving_gates_are_constant_and_their_first_layers_wait_one_step():
    model = fresh(init="preserve")
    report = liveness(model, images())
    assert [(gate.low, gate.high, gate.constant) for gate in report.gates] == [(1, 1, 1)] * 4
    assert {name.rpartition("_attention.")[2] for name in report.without_gradient} == {"fc1.weight", "fc1.bias"}


def test_a_saturated_gate_is_dead():
    model = fresh()
    nn.init.constant_(model.stage1[1].bn3_attention.fc2.bias, 30.0)
    nn.init.constant_(model.stage2[0].bn3_attention.fc2.bias, -30.0)
    report = liveness(model, images())
    assert report.dead == ("stage1.1.bn3_attention", "stage2.0.bn3_attention")
    assert "100% saturated" in str(report)


def test_a_block_that_never_runs_is_dead_and_its_parameters_learn_nothing():
    model = fresh()
    model.stage1[1] = nn.Sequential(nn.Identity())
    model.unused = SE(reduction=4)(16)
    report = liveness(model, images())
    assert report.dead == ("unused",)
    assert math.isnan(report.gates[-1].mean)
    assert {"unused.fc1.weight", "unused.fc2.bias"} <= set(report.without_gradient)


@each((*SMALL, OWN))
def test_gates_of_every_block_are_seen_and_what_waits_for_the_first_step(spec):
    model = fresh(spec)
    report = liveness(model, images())
    assert {gate.name for gate in report.gates} >= set(blocks(model))
    assert all(gate.runs == 1 for gate in report.gates)
    late = () if spec is OWN else row_of(spec).late
    silent = silent_of(spec)
    learning = {name for name, _ in model.named_parameters() if "_attention." in name and not name.endswith(silent)}
    waiting = {name for name in report.without_gradient if not name.endswith(silent)}
    assert waiting == {name for name in learning if name.rpartition(".")[0].endswith(late)}


@each((*SMALL, OWN))
def test_networks_of_our_own_are_seen_too(spec):
    report = liveness(create("resnet8", attention=spec), torch.randn(4, 3, 32, 32))
    assert {gate.name.partition(".")[0] for gate in report.gates} == {"stage2", "stage3", "stage4"}
    assert all(gate.runs == 1 for gate in report.gates)


def test_a_loss_may_be_given():
    model = fresh()
    report = liveness(model, images(), loss=lambda logits: 0 * logits.sum())
    assert len(report.without_gradient) == len(list(model.named_parameters()))
