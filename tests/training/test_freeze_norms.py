# Norms that are frozen, on a network with every kind of them: what moves is listed, name by name.
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from normed import BATCHES, WITH_STATISTICS, Normed, tensors
from senet.attention import SE
from senet.insertion import insert
from senet.training import Recipe
from senet.training.checkpoint.progress import StepId
from senet.training.setup.freeze import FineTuneConfig, freeze_norms
from senet.training.step.learner import Learner
from toy import ToyFeed, toy_network

RECIPE = Recipe(epochs=4, batch_size=12, lr=0.05, weight_decay=0.1, freeze_norms_from=3)


def normed():
    torch.manual_seed(0)
    return Normed()


def moved(model, take):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    take()
    assert all(value.isfinite().all() for value in model.state_dict().values())  # NaN is no other value
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def epoch(made, number, count=3):
    feed = ToyFeed()
    made.begin_epoch(number)
    for i in range(count):
        made.step(feed.images[:11], feed.labels[:11], StepId(0, number, i + 1))


def learner(model, recipe=RECIPE, fresh=None):
    return Learner(model, FineTuneConfig(recipe, fresh), 3, ToyFeed().transform.normalise)


KEPT = {
    *(f"{name}.{tensor}" for name in WITH_STATISTICS for tensor in ("weight", "bias", "running_mean", "running_var")),
    *(f"{name}.{BATCHES}" for name in WITH_STATISTICS),
}


@pytest.mark.parametrize("decayed", [0.0, 0.1])
def test_the_epoch_decides_what_moves_and_norms_keep_all_that_is_theirs(decayed):
    model = normed()
    made = learner(model, replace(RECIPE, weight_decay=decayed))
    assert moved(model, lambda: epoch(made, 1)) == tensors()
    for number in (3, 4):
        assert moved(model, lambda number=number: epoch(made, number)) == tensors() - KEPT
    assert "acting.act.weight" in tensors() - KEPT
    made.finish()
    model.train()
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert moved(model, lambda: epoch(learner(model, replace(RECIPE, freeze_norms_from=None)), 1)) == tensors()


def test_a_frozen_norm_alone_leaves_training_mode():
    model = normed()
    model.acting.drop = nn.Dropout(0.5)
    freeze_norms(model.train())
    assert {name for name, module in model.named_modules() if not module.training} == set(WITH_STATISTICS)


def test_a_frozen_norm_computes_as_in_evaluation():
    model, x = normed(), torch.randn(4, 6, 5, 5)
    model(torch.randn(8, 1, 8, 8))
    norms = [model.get_submodule(name) for name in WITH_STATISTICS]
    expected = [norm.eval()(x) for norm in norms]
    freeze_norms(model.train())
    assert all(torch.equal(norm(x), other) for norm, other in zip(norms, expected, strict=True))


def test_norms_of_inserted_blocks_go_on():
    spec = SE(reduction=2, norm=True)
    model = insert(normed(), spec, where="plain", example=(2, 1, 8, 8), again=True)
    of_blocks = {name for name in model.state_dict() if name not in normed().state_dict()}
    undone = {
        name for name in of_blocks if name.endswith(("fc1.bias", "fc2.bias"))
    }  # a norm follows: rounding moves it
    assert any(name.endswith("running_mean") for name in of_blocks)
    made = learner(model, replace(RECIPE, freeze_norms_from=1))
    assert moved(model, lambda: epoch(made, 1)) - undone == tensors() - KEPT | of_blocks - undone


def test_a_scale_that_is_made_of_others_stays_too():
    model = normed()
    model.plain = weight_norm(model.plain, dim=None)
    made = learner(model, replace(RECIPE, freeze_norms_from=1))
    assert moved(model, lambda: epoch(made, 1)) == tensors() - KEPT


@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), toy_network, normed])
def test_a_network_without_such_norms_is_told_so(make):
    model = make()
    has = any(hasattr(module, "running_mean") and module.running_mean is not None for module in model.modules())
    said = [line for line in FineTuneConfig(RECIPE).notices(model) if "freeze_norms_from" in line]
    assert (
        said == []
        if has
        else ["freeze_norms_from is not used: no norm outside of inserted blocks has running statistics"]
    )


def test_norms_of_blocks_alone_are_none_to_freeze():
    plain = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    model = insert(plain, SE(reduction=2, norm=True), where="0", example=(2, 1, 8, 8))
    assert any(isinstance(module, nn.BatchNorm1d) for module in model.modules())
    assert any("freeze_norms_from is not used" in line for line in FineTuneConfig(RECIPE, ()).notices(model))
    assert [*FineTuneConfig(replace(RECIPE, freeze_norms_from=None), ()).notices(model)] == []
