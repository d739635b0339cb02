"""Train a classifier on data in memory, without files: what a study does many times over."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from senet.data import Dataset, Normaliser, generator
from senet.training.counts import Moment
from senet.training.evaluation import score, whole_batches
from senet.training.feeding import memory_feed
from senet.training.learner import Learner
from senet.training.recipe import Recipe
from senet.training.schedule import UNFALLEN, Fall, learning_rate
from senet.training.surgery import prepare_network


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured.

    Args:
        number: From 1.
        loss: Mean training loss.
        validation: Accuracy on the validation split, in percent.
    """

    number: int
    loss: float
    validation: float


@dataclass(frozen=True)
class Fitted:
    """What training leaves beside the model itself, which holds the last epoch's weights.

    Args:
        epochs: One record per epoch.
        best: The first epoch with the highest validation accuracy.
        best_state: The state dict after it.
    """

    epochs: tuple[Epoch, ...]
    best: Epoch
    best_state: dict[str, Tensor]


def fit(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe,
    seed: int,
    watch: Callable[[Epoch], None] = lambda epoch: None,
) -> Fitted:
    """Train a model in place; data order, augmentation and dropout are functions of the seed.

    Args:
        model: (B, C, H, W) -> (B, classes), on the device to train on.
        data: Trains on ``train``, measures ``validation`` after each epoch.
        recipe: How.
        seed: Of order, augmentation and in-model randomness; the weights are the caller's to initialise.
        watch: Called after each epoch.

    Raises:
        DivergedError: The loss is not finite; names epoch, step and learning rate.
    """
    prepare_network(model, recipe)
    normalise = Normaliser(data.mean, data.std)
    learner = Learner(model, recipe, len(data.classes), normalise)
    history: list[Epoch] = []
    best, best_state, fall = None, {}, UNFALLEN
    for number in range(1, recipe.epochs + 1):
        loss = _epoch(learner, data, Moment(seed, number, 0), fall)
        with learner.evaluated():
            measured = score(model, whole_batches(data.validation), normalise, recipe)
            history.append(Epoch(number, loss, measured.top1))
            if best is None or history[-1].validation > best.validation:
                best, best_state = history[-1], {name: value.clone() for name, value in model.state_dict().items()}
        fall = fall.after(measured.loss, recipe)
        watch(history[-1])
    learner.finish()
    assert best is not None
    return Fitted(tuple(history), best, best_state)


def _epoch(learner: Learner, data: Dataset, at: Moment, fall: Fall) -> float:
    """Train for one epoch and return the mean loss of the steps that were taken."""
    recipe, images_of_all = learner.recipe, len(data.train)
    learner.begin_epoch(at.epoch)
    torch.manual_seed(generator(at.seed, "model", at.epoch).initial_seed())
    total, seen = 0.0, 0
    batches = memory_feed(data, recipe).train_batches(at.seed, at.epoch)
    for i, (images, labels) in enumerate(batches):
        over = at.epoch - 1 + (i - learner.counts.skipped) * recipe.batch_size / images_of_all
        learner.lr = learning_rate(recipe, max(over, 0.0)) * fall.factor(recipe)
        loss = learner.step(images, labels, Moment(at.seed, at.epoch, i + 1))
        if loss is not None:
            total, seen = total + loss * len(labels), seen + len(labels)
    return total / max(seen, 1)
