# Fine-tuning in the one loop: what is fresh has a rate of its own and begins alone, and the rest waits.
import json
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

import reference
from catalogue_of_blocks import OWN, SMALL_GATES, each, silent_of
from senet.attention import CBAM, SE
from senet.errors import DivergedError, UsageError
from senet.insertion import insert, inserted_parameters
from senet.training import Recipe, StoppedError, memory_feed, train, train_in_memory
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.checkpoint.progress import StepId
from senet.training.checkpoint.train_state import learner_tensors, learner_values, restore_learner
from senet.training.in_memory import CheckpointConfig
from senet.training.recipe.settings import Ema, Optimizer, StepDecay, WarmUp, WeightDecay
from senet.training.setup.freeze import FineTuneConfig
from senet.training.step.learner import Learner
from senet.training.step.optimizer import build_optimizer
from senet.weight_decay import decay_groups
from senet.weights import write_state
from toy import Heard, ToyFeed, job, stop_after, toy_dataset, toy_network

QUICK = Recipe(epochs=3, batch_size=8, lr=0.02, freeze_trunk=1)
HEAD, SPEC = ("fc",), SE(reduction=2)


def network(spec=SPEC):
    """A toy with a block behind its first norm."""
    return insert(toy_network(), spec, where="relu1", example=(1, 1, 8, 8))


def learner(recipe, fresh=HEAD, model=None):
    model = model or network()
    return Learner(model, FineTuneConfig(recipe, fresh), 3, ToyFeed().transform.normalise)


def steps(made, epoch, count=3):
    feed = ToyFeed()
    made.begin_epoch(epoch)
    for i in range(count):
        made.step(feed.images[:12], feed.labels[:12], StepId(0, epoch, i + 1))


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items() if "tracked" not in name}


def moved(model, before):
    return {name for name, value in state(model).items() if not torch.equal(value, before[name])}


def of_trunk(names):
    return {name for name in names if "_attention." not in name and not name.startswith("fc.")}


def in_memory(recipe, fresh=HEAD, model=None, watch=None, feed=None):
    model = model or network()
    return model, train_in_memory(model, feed or ToyFeed(), recipe, 3, watch, fresh=fresh)


def same(first, second):
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


WAYS = {
    "plain": {},
    "average": {"ema": Ema(0.9)},
    "in parts, clipped": {"accumulate": 3, "clip_norm": 0.5},
    "compiled": {"compile": True},
    "fp16": {"precision": "fp16"},
    "norms frozen from the first epoch": {"freeze_norms_from": 1},
    "norms frozen while it waits": {"freeze_norms_from": 2},
    "adamw": {"optimizer": Optimizer("adamw"), "decay": WeightDecay(True, True, True)},
}
TOGETHER = {key: value for name, way in WAYS.items() if name != "adamw" for key, value in way.items()}


@pytest.mark.parametrize("way", [*WAYS.values(), TOGETHER], ids=[*WAYS, "together"])
def test_the_trunk_and_its_statistics_wait_and_what_is_fresh_does_not(way, monkeypatch):
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **k: compiled(f, backend="eager"))
    torch._dynamo.reset()
    made = learner(replace(QUICK, freeze_trunk=2, momentum=0.9, weight_decay=0.1, **way))
    model, before = made.model, state(made.model)
    steps(made, 1)
    steps(made, 2)
    waited = moved(model, before)
    assert of_trunk(waited) == set()
    assert {"fc.weight", "fc.bias", *inserted_parameters(model)} == waited
    average = made.average.state if made.average else before
    assert all(torch.equal(average[name], before[name]) for name in of_trunk(before))
    steps(made, 3)
    frozen = {name for name in before if name.startswith("bn")} if "freeze_norms_from" in way else set()
    assert of_trunk(moved(model, before)) == of_trunk(before) - frozen
    made.finish()
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert {m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}


@each((*SMALL_GATES, OWN))
def test_a_block_that_is_a_child_of_a_frozen_norm_trains(spec):
    small = replace(spec, reduction=2) if hasattr(spec, "reduction") else spec  # the toy has six channels
    model = insert(toy_network(), small, where="bn1", init="preserve", example=(1, 1, 8, 8))
    made = learner(replace(QUICK, freeze_trunk=0, freeze_norms_from=1), model=model)
    before = state(model)
    steps(made, 1)
    found, norms = moved(model, before), {name for name in of_trunk(before) if name.startswith("bn")}
    assert norms.isdisjoint(found)
    learning = {name for name in inserted_parameters(model) if not name.endswith(silent_of(spec))}
    assert {"conv1.weight", *learning} <= found
    made.finish()
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_what_took_no_gradient_before_takes_none_after():
    model = network()
    model.conv1.weight.requires_grad_(False)
    made = learner(QUICK, model=model)
    steps(made, 1)
    steps(made, 2)
    made.finish()
    assert {name for name, p in model.named_parameters() if not p.requires_grad} == {"conv1.weight"}


DATA = toy_dataset()
TUNED = replace(QUICK, freeze_trunk=0, weight_decay=0.05, batch_size=12)
SCHEDULES = {
    "cosine": {},
    "warm-up": {"warm_up": WarmUp(1.5, 0.1)},
    "steps": {"schedule": "step", "steps": StepDecay(milestones=(1, 2))},
    "a rate that is said": {"inserted_lr": 0.05},
    "a trunk that waits": {"freeze_trunk": 1, "warm_up": WarmUp(1.5)},
    "a trunk that never moves": {"freeze_trunk": 7},
}


def assert_written_out(recipe, fresh, ratio):
    """Compare training with plain code in which the blocks' rate is so many times the recipe's."""
    model, expected = (
        insert(toy_network(dropout=0.0), CBAM(reduction=2), where="relu1", example=(1, 1, 8, 8)) for _ in "ab"
    )
    train_in_memory(model, memory_feed(DATA, recipe), recipe, 0, fresh=fresh)
    new, names = inserted_parameters(model), dict(model.named_parameters())
    decayed = {n for n, p in names.items() if any(p is other for other in decay_groups(model)[0])}
    reference.trained(expected, DATA, recipe, 0, decayed, dict.fromkeys(new, ratio), of_trunk(names))
    for parameter, other in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_weights_are_those_of_two_rates_written_out(name):
    recipe = replace(TUNED, **SCHEDULES[name])
    assert_written_out(recipe, HEAD, 2.5 if recipe.inserted_lr else 10.0)


def test_from_scratch_the_weights_are_those_of_one_rate_written_out():
    assert_written_out(TUNED, None, 1.0)
    with pytest.raises(AssertionError):
        assert_written_out(TUNED, None, 1.5)


def test_the_rate_that_is_logged_is_the_recipes():
    logged, recipe = ([], []), replace(TUNED, warm_up=WarmUp(1.5))
    for rates, fresh, freeze in ((logged[0], HEAD, 1), (logged[1], None, 0)):
        heard = Heard()
        heard.step = lambda loss, lr, images, rates=rates: rates.append(lr)
        in_memory(replace(recipe, freeze_trunk=freeze, batch_size=8), fresh, watch=heard)
    assert logged[0] == logged[1]


@pytest.mark.parametrize("fresh", [(), HEAD, None])
def test_rates_keep_their_ratio_and_decay_its_partition(fresh):
    made = learner(replace(QUICK, freeze_trunk=0, weight_decay=0.1), fresh)
    ratio = 1 if fresh is None else 10
    new, decayed = (
        set(map(id, found)) for found in (inserted_parameters(made.model).values(), decay_groups(made.model)[0])
    )
    for lr in (0.02, 0.3, 0.0):
        made.lr = lr
        assert made.lr == lr
        for group in made.optimizer.param_groups:
            for parameter in group["params"]:
                assert group["lr"] == pytest.approx(lr * (ratio if id(parameter) in new else 1))
                assert group["weight_decay"] == (0.1 if id(parameter) in decayed else 0.0)


@pytest.mark.parametrize("change", [{}, {"inserted_lr": 0.02}, {"weight_decay": 0.0}])
def test_from_scratch_the_groups_are_the_two_of_decay_in_their_order(change):
    model, recipe = network(CBAM(reduction=2)), replace(QUICK, freeze_trunk=0, **change)
    groups = build_optimizer(model, recipe, FineTuneConfig(recipe).ratio).param_groups
    assert [[*map(id, group["params"])] for group in groups] == [[*map(id, part)] for part in decay_groups(model)]


def momentum_of(made):
    names = {parameter: name for name, parameter in made.model.named_parameters()}
    return {names[parameter]: moments["momentum_buffer"] for parameter, moments in made.optimizer.state.items()}


@pytest.mark.parametrize("rates", [(None, 0.05), (0.05, None), (0.05, 0.02)], ids=str)
def test_moments_find_their_parameters_where_the_rates_have_changed(rates):
    before, after = (learner(replace(QUICK, freeze_trunk=0, inserted_lr=rate), None) for rate in rates)
    steps(before, 1)
    restore_learner(after, learner_tensors(before), learner_values(before))
    found, expected = momentum_of(after), momentum_of(before)
    assert found.keys() == expected.keys() == dict(before.model.named_parameters()).keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_nothing_can_wait_where_nothing_has_trained_weights():
    model = network()
    before = state(model)
    with pytest.raises(UsageError, match="no weights are pretrained, so there is nothing to freeze") as error:
        in_memory(QUICK, None, model)
    assert "drop --freeze-trunk, or start from --weights" in error.value.do
    assert moved(model, before) == set()


def test_where_nothing_is_fresh_the_trunk_trains_and_that_is_said_once():
    heard, plain = Heard(), toy_network()
    in_memory(QUICK, (), plain, heard)
    assert heard.notices == ["freeze_trunk is not used: no parameter is new"]
    assert same(plain, in_memory(replace(QUICK, freeze_trunk=0), (), toy_network())[0])


def test_blocks_that_take_no_gradient_are_not_waited_for():
    heard, model = Heard(), network()
    for parameter in inserted_parameters(model).values():
        parameter.requires_grad_(False)
    before = state(model)
    in_memory(QUICK, (), model, heard)
    assert "freeze_trunk is not used: no parameter is new" in heard.notices
    assert "conv1.weight" in moved(model, before)


def test_a_rate_for_blocks_that_are_not_there_is_said():
    heard = Heard()
    in_memory(replace(QUICK, freeze_trunk=0, inserted_lr=0.1), None, toy_network(), heard)
    assert heard.notices == ["inserted_lr is not used: nothing was inserted"]


def test_without_blocks_a_new_classifier_begins_alone():
    model = toy_network()
    before = state(model)
    in_memory(replace(QUICK, freeze_trunk=3), HEAD, model)
    assert moved(model, before) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("freeze", [0, 1])
def test_a_fresh_name_of_no_parameter_is_refused_with_the_nearest(freeze):
    with pytest.raises(UsageError, match=r"no parameter is at 'fcc'\ndid you mean fc\?"):
        in_memory(replace(QUICK, freeze_trunk=freeze), ("fcc",))


def test_negative_numbers_are_refused():
    for name in ("freeze_trunk", "inserted_lr"):
        with pytest.raises(UsageError, match=f"{name}=-1"):
            replace(QUICK, **{name: -1})


def failing(steps, error):
    heard = Heard()

    def step(loss, lr, images):
        heard.steps += 1
        if heard.steps == steps:
            raise error

    heard.step = step
    return heard


@pytest.mark.parametrize("error", [DivergedError("nan"), KeyboardInterrupt()], ids=["diverged", "interrupted"])
def test_a_run_that_fails_leaves_a_model_that_trains(error):
    model = network()
    with pytest.raises(type(error)):
        in_memory(QUICK, model=model, watch=failing(2, error))
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert {m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}


RESUMED = {
    "plain": {},
    "adamw, averaged": {
        "optimizer": Optimizer("adamw"),
        "lr": 1e-3,
        "ema": Ema(0.9),
        "decay": WeightDecay(True, True, True),
    },
    "fp16, frozen norms": {"precision": "fp16", "freeze_norms_from": 2, "warm_up": WarmUp(1)},
}


def written(folder, recipe, watch=None, fresh=HEAD, resume=False):
    return train(network(), ToyFeed(), job(folder, recipe=recipe, fresh=fresh, resume=resume), write_state, watch)


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize("stop", [4, 9, *(pytest.param(n, marks=pytest.mark.slow) for n in (6, 12, 14))])
def test_within_and_after_the_frozen_epochs_a_resumed_run_ends_with_the_same_bytes(name, stop, tmp_path):
    recipe = replace(QUICK, freeze_trunk=2, **RESUMED[name])
    with pytest.raises(StoppedError):
        written(tmp_path / "stopped", recipe, stop_after(stop))
    written(tmp_path / "stopped", recipe, resume=True)
    written(tmp_path / "whole", recipe)
    for file in ("weights/last.safetensors", "weights/best.safetensors", "results.csv", "result.json"):
        assert (tmp_path / "stopped" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file


def test_a_run_in_memory_resumes_too(tmp_path):
    recipe = replace(QUICK, freeze_trunk=2)
    checkpoints = CheckpointConfig(CheckpointManager(tmp_path), {}, lambda message: None)
    with pytest.raises(StoppedError):
        train_in_memory(network(), ToyFeed(), recipe, 3, stop_after(9, signal.SIGTERM), checkpoints, fresh=HEAD)
    model = network()
    train_in_memory(model, ToyFeed(), recipe, 3, None, checkpoints, fresh=HEAD)
    assert same(model, in_memory(recipe)[0])


def test_what_is_fresh_is_of_the_runs_identity(tmp_path):
    with pytest.raises(StoppedError):
        written(tmp_path, QUICK, stop_after(9))
    assert json.loads((tmp_path / "run.json").read_text())["identity"]["fresh"] == ["fc"]
    with pytest.raises(UsageError, match="fresh"):
        written(tmp_path, QUICK, fresh=(), resume=True)
    with pytest.raises(UsageError, match=r"fresh .*\(off\)"):
        written(tmp_path, replace(QUICK, freeze_trunk=0), fresh=None, resume=True)


def test_from_scratch_the_identity_says_nothing_of_it(tmp_path):
    written(tmp_path, replace(QUICK, freeze_trunk=0), fresh=None)
    assert "fresh" not in json.loads((tmp_path / "run.json").read_text())["identity"]
