from dataclasses import replace

import pytest
import torch
from torch import nn

from senet.attention import CBAM, SE, SK
from senet.data import Augmentation, Dataset, Normaliser, Split
from senet.errors import DivergedError, UsageError
from senet.networks import create, initialise, named_stream
from senet.training import Recipe, evaluate, fit
from senet.training.optim import build_optimizer, decay_groups


def toy_data(count=48, size=8):
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(count) % 3
    images = torch.randint(0, 80, (count, 1, size, size), generator=generator)
    images += 80 * labels[:, None, None, None]  # brightness tells the class
    split = Split(images.to(torch.uint8), labels)
    return Dataset("toy", ("a", "b", "c"), split, split, split, Augmentation(1, True), (0.5,), (0.3,))


def toy_model(seed=0, attention=None):
    model = create("resnet8", num_classes=3, in_channels=1, attention=attention)
    return initialise(model, named_stream(seed))


QUICK = Recipe(epochs=3, batch_size=16, lr=0.05)


def train(seed=0, recipe=QUICK, attention=None):
    model = toy_model(seed, attention)
    return model, fit(model, toy_data(), recipe, seed)


def test_training_learns_what_can_be_learnt():
    model, fitted = train(recipe=replace(QUICK, epochs=8))
    data = toy_data()
    assert fitted.epochs[-1].loss < 0.5 * fitted.epochs[0].loss
    assert evaluate(model, data.test, Normaliser(data.mean, data.std), QUICK) > 90


@pytest.mark.parametrize("attention", [None, SE(reduction=4), CBAM(reduction=4), SK(groups=1)])
def test_equal_seeds_give_byte_equal_weights(attention):
    first, second = (train(attention=attention)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights():
    first, second = (train(seed)[0].state_dict()["head.fc.weight"] for seed in (0, 1))
    assert not torch.equal(first, second)


def test_training_does_not_depend_on_the_global_random_state():
    torch.manual_seed(1)
    first = train()[1].epochs
    torch.manual_seed(2)
    assert train()[1].epochs == first


def test_dropout_is_a_function_of_the_seed():
    def run(noise):
        torch.manual_seed(noise)
        model = toy_model()
        model.head.dropout.p = 0.5
        return fit(model, toy_data(), QUICK, 0).epochs

    assert run(1) == run(2) != train()[1].epochs


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.02},
        {"momentum": 0.0},
        {"weight_decay": 0.05},
        {"schedule": "step"},
        {"label_smoothing": 0.2},
        {"augment": False},
        {"batch_size": 12},
        {"precision": "bf16"},
    ],
)
def test_every_field_of_a_recipe_changes_the_result(change):
    assert train(recipe=replace(QUICK, **change))[1].epochs != train()[1].epochs


def test_best_is_the_first_epoch_of_the_highest_validation_accuracy():
    _, fitted = train(recipe=replace(QUICK, epochs=6))
    highest = max(epoch.validation for epoch in fitted.epochs)
    assert fitted.best == next(epoch for epoch in fitted.epochs if epoch.validation == highest)
    model = toy_model()
    model.load_state_dict(fitted.best_state)
    data = toy_data()
    assert evaluate(model, data.validation, Normaliser(data.mean, data.std), QUICK) == highest


def test_a_loss_that_is_not_finite_stops_and_names_step_and_learning_rate():
    with pytest.raises(DivergedError, match="learning rate") as error:
        train(recipe=replace(QUICK, lr=1e30))
    assert "epoch 1, step" in error.value.where
    assert error.value.exit_code == 5


def test_one_step_equals_nesterov_sgd_by_hand():
    recipe = Recipe(epochs=1, batch_size=48, lr=0.1, weight_decay=0.01, augment=False)
    model, data = toy_model(), toy_data()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    reference = toy_model().train()
    loss = nn.functional.cross_entropy(reference(Normaliser(data.mean, data.std)(data.train.images)), data.train.labels)
    gradients = dict(zip(before, torch.autograd.grad(loss, list(reference.parameters())), strict=True))
    fit(model, data, recipe, seed=0)
    decayed = {id(p) for p in decay_groups(model)[0]}
    for name, parameter in model.named_parameters():
        decay = recipe.weight_decay if id(parameter) in decayed else 0.0
        gradient = gradients[name] + decay * before[name]
        expected = before[name] - recipe.lr * (1 + recipe.momentum) * gradient  # first step: velocity = gradient
        torch.testing.assert_close(parameter.detach(), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "attention", [None, SE(reduction=4), SE(reduction=4, norm=True), CBAM(reduction=4), SK(groups=1)]
)
def test_decay_groups_partition_the_parameters(attention):
    model = toy_model(attention=attention)
    decayed, spared = decay_groups(model)
    ids = [id(p) for p in decayed + spared]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(p) for p in model.parameters()}
    names = {id(p): name for name, p in model.named_parameters()}
    assert all(names[id(p)].endswith(("conv.weight", "fc.weight")) for p in decayed)
    convolutions = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d) and m.weight.shape[1] > 2]
    assert sum(p.numel() for p in convolutions) <= sum(p.numel() for p in decayed)
    assert build_optimizer(model, QUICK).param_groups[1]["weight_decay"] == 0


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
