# The one loop without files: against plain code, against train() with files, and every field of a recipe.
from contextlib import suppress
from dataclasses import fields, replace
from functools import cache

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from catalogue_of_blocks import OWN, SMALL, each
from reference import trained as trained_by_hand
from senet.attention import SE
from senet.errors import DivergedError, UsageError
from senet.insertion import insert
from senet.networks import create, initialise, named_stream
from senet.training import Recipe, TrainingJob, evaluate, fit, memory_feed, train, train_in_memory
from senet.training.recipe.settings import Ema, MixupCutmix, Optimizer, Plateau, StepDecay, Views, WarmUp, WeightDecay
from senet.training.setup.prepare_model import prepare_network
from senet.weight_decay import decay_groups
from senet.weights import write_state
from toy import toy_dataset

QUICK = Recipe(epochs=3, batch_size=16, lr=0.05)
DATA = toy_dataset()


def toy_model(seed=0, attention=None):
    model = create("resnet8", num_classes=3, in_channels=1, attention=attention)
    return initialise(model, named_stream(seed))


def run(recipe=QUICK, seed=0, attention=None, data=DATA):
    model = toy_model(seed, attention)
    return model, train_in_memory(model, memory_feed(data, recipe), recipe, seed)


def accuracy(model, split):
    return evaluate(model, split, memory_feed(DATA, QUICK).transform.normalise, QUICK.compute)


def test_training_learns_what_can_be_learnt():
    model, kept = run(replace(QUICK, epochs=8))
    assert kept.rows[-1].loss < 0.5 * kept.rows[0].loss
    assert accuracy(model, DATA.test) == kept.test.top1 > 90


def test_the_weights_are_those_of_the_rule_written_out():
    recipe = replace(QUICK, weight_decay=0.01, label_smoothing=0.0)
    model, _ = run(recipe)
    decayed = {name for name, p in model.named_parameters() if any(p is other for other in decay_groups(model)[0])}
    expected = dict(trained_by_hand(toy_model(), DATA, recipe, 0, decayed).named_parameters())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, expected[name], atol=2e-4, rtol=2e-3)
    assert not torch.allclose(model.head.fc.weight, toy_model().head.fc.weight, atol=1e-2)


@each((None, *SMALL, OWN))
def test_equal_seeds_give_byte_equal_weights(spec):
    first, second = (run(attention=spec)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights():
    first, second = (run(seed=seed)[0].state_dict()["head.fc.weight"] for seed in (0, 1))
    assert not torch.equal(first, second)


def test_training_does_not_depend_on_the_global_random_state():
    torch.manual_seed(1)
    first = run()[1].rows
    torch.manual_seed(2)
    assert run()[1].rows == first


REGIMES = {
    "plain": {},
    "dropout": {"dropout": 0.5, "drop_path": 0.2},
    "average": {"ema": Ema(0.9), "warm_up": WarmUp(1)},
    "mixtures": {"mix": MixupCutmix(mixup=0.4, cutmix=1.0), "label_smoothing": 0.1},
    "plateau": {"schedule": "plateau", "plateau": Plateau(patience=1)},
    "in parts": {"accumulate": 3, "clip_norm": 1.0, "freeze_norms_from": 3},
    "balanced": {"sampling": "balanced", "batch_size": 7, "optimizer": Optimizer("adamw")},
}


@pytest.mark.parametrize("name", REGIMES)
def test_files_or_memory_make_no_difference_to_a_byte(name, tmp_path):
    recipe = replace(QUICK, **REGIMES[name])
    model, kept = run(recipe, attention=SE(reduction=4))
    twin = toy_model(attention=SE(reduction=4))
    written = train(twin, memory_feed(DATA, recipe), TrainingJob(recipe, 0, tmp_path), write_state)
    assert written.rows == kept.rows
    assert written.test == kept.test
    last, best = load_file(written.last), load_file(written.best_weights)
    assert last.keys() == best.keys() == model.state_dict().keys()
    assert all(torch.equal(value, last[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(value, best[name]) for name, value in kept.best_state.items())


STEP, PLATEAU = replace(QUICK, schedule="step"), replace(QUICK, schedule="plateau")
# By field: a recipe, and one that differs in this field alone.
FIELDS = {
    "epochs": (QUICK, replace(QUICK, epochs=2)),
    "batch_size": (QUICK, replace(QUICK, batch_size=12)),
    "lr": (QUICK, replace(QUICK, lr=0.02)),
    "momentum": (QUICK, replace(QUICK, momentum=0.0)),
    "weight_decay": (QUICK, replace(QUICK, weight_decay=0.05)),
    "schedule": (QUICK, STEP),
    "label_smoothing": (QUICK, replace(QUICK, label_smoothing=0.2)),
    "augment": (QUICK, replace(QUICK, augment=False)),
    "precision": (QUICK, replace(QUICK, precision="bf16")),
    "threads": (QUICK, replace(QUICK, threads=2)),
    "optimizer": (QUICK, replace(QUICK, optimizer=Optimizer(nesterov=False))),
    "decay": (
        replace(QUICK, weight_decay=0.05),
        replace(QUICK, weight_decay=0.05, decay=WeightDecay(True, True, True)),
    ),
    "steps": (STEP, replace(STEP, steps=StepDecay(milestones=(2,)))),
    "plateau": (PLATEAU, replace(PLATEAU, plateau=Plateau(patience=1))),
    "warm_up": (QUICK, replace(QUICK, warm_up=WarmUp(1))),
    "ema": (QUICK, replace(QUICK, ema=Ema(0.5))),
    "mix": (QUICK, replace(QUICK, mix=MixupCutmix(mixup=0.4))),
    "views": (QUICK, replace(QUICK, views=Views(size=8, padding=3))),
    "clip_norm": (QUICK, replace(QUICK, clip_norm=0.01)),
    "accumulate": (QUICK, replace(QUICK, accumulate=2)),
    "freeze_norms_from": (QUICK, replace(QUICK, freeze_norms_from=2)),
    "drop_path": (QUICK, replace(QUICK, drop_path=0.5)),
    "sampling": (QUICK, replace(QUICK, sampling="balanced")),
    "initialisation": (QUICK, replace(QUICK, initialisation="zero_branches")),
    "channels_last": (QUICK, replace(QUICK, channels_last=False)),
    "compile": (QUICK, replace(QUICK, compile=True)),
    "skip_non_finite": (replace(QUICK, lr=1e30), replace(QUICK, lr=1e30, skip_non_finite=2)),
    "sync_norms": (QUICK, replace(QUICK, sync_norms=True)),
    "dropout": (QUICK, replace(QUICK, dropout=0.5)),
    "class_weights": (QUICK, replace(QUICK, class_weights=(1.0, 2.0, 5.0))),
    "freeze_trunk": (QUICK, replace(QUICK, freeze_trunk=1)),
    "inserted_lr": (QUICK, replace(QUICK, inserted_lr=0.1)),
}


@cache
def outcome(recipe):
    """Return what a recipe leads to: measurements, or the error; and what leaves no trace in them everywhere."""
    compiled, threads = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "set_num_threads", threads.append)
        patch.setattr(nn.Module, "compile", lambda module: compiled.append(module))
        return *learnt(recipe), threads, len(compiled)


def learnt(recipe):
    torch.manual_seed(0)  # two recipes differ in nothing but a field
    # The more of the training images is learnt, the larger the loss on these: a plateau for certain.
    contrary = replace(DATA, validation=replace(DATA.train, labels=(DATA.train.labels + 1) % 3))
    model = insert(toy_model(), SE(reduction=4), stages=(4,), example=(1, 1, 8, 8))
    try:
        measured = train_in_memory(model, memory_feed(contrary, recipe), recipe, 0, fresh=()).rows
    except DivergedError as error:
        measured = str(error)
    layout = next(p for p in model.parameters() if p.ndim == 4 and min(p.shape) > 1).stride()
    try:
        prepare_network(toy_model(), recipe, ranks=2)
        shared = "no"
    except UsageError as error:
        shared = str(error)
    return measured, layout, shared


def test_there_is_a_case_for_every_field_of_a_recipe():
    assert [field.name for field in fields(Recipe)] == sorted(FIELDS, key=[f.name for f in fields(Recipe)].index)
    for name, (one, other) in FIELDS.items():
        assert [f.name for f in fields(Recipe) if getattr(one, f.name) != getattr(other, f.name)] == [name]


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_a_recipe_changes_the_result(name):
    one, other = FIELDS[name]
    assert outcome(one) != outcome(other)


@pytest.mark.parametrize("lr", [QUICK.lr, 1e30])
def test_torchs_number_of_threads_is_the_callers_again(lr, monkeypatch):
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    with suppress(DivergedError):
        run(replace(QUICK, lr=lr, threads=2))
    assert set_to == [2, torch.get_num_threads()]


def test_best_is_the_first_epoch_of_the_highest_validation_accuracy():
    _, kept = run(replace(QUICK, epochs=6))
    highest = max(row.validation_top1 for row in kept.rows)
    assert kept.best == next(row for row in kept.rows if row.validation_top1 == highest)
    model = toy_model()
    model.load_state_dict(kept.best_state)
    assert accuracy(model, DATA.validation) == highest


def test_a_loss_that_is_not_finite_stops_and_names_step_learning_rate_and_samples():
    with pytest.raises(DivergedError, match="learning rate") as error:
        run(replace(QUICK, lr=1e30))
    assert "epoch 1, step" in error.value.where
    assert "samples training image" in error.value.where
    assert error.value.exit_code == 5


def test_fit_still_works_and_names_what_replaced_it():
    told, model = [], toy_model()
    with pytest.warns(DeprecationWarning, match="train_in_memory"):
        fitted = fit(model, DATA, QUICK, 0, told.append)
    expected, kept = run()
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in model.state_dict().items())
    assert list(fitted.epochs) == told
    assert [(epoch.number, epoch.loss, epoch.validation) for epoch in told] == [
        (row.epoch, row.loss, row.validation_top1) for row in kept.rows
    ]
    assert fitted.best.number == kept.best.epoch
    assert all(torch.equal(value, kept.best_state[name]) for name, value in fitted.best_state.items())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("lr", float("nan")),
        ("lr", -1.0),
        ("momentum", 1.0),
        ("schedule", "cosin"),
        ("precision", "fp8"),
        ("label_smoothing", 1.5),
    ],
)
def test_an_impossible_recipe_names_the_field(field, value):
    with pytest.raises(UsageError, match=field):
        replace(QUICK, **{field: value})
