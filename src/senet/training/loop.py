"""Train a classifier: a plain loop that knows tensors and modules, no network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.data import Augmentation, Dataset, Normaliser, Split, generator, training_batches
from senet.errors import DivergedError
from senet.training.optim import SCHEDULES, sgd
from senet.training.recipe import Recipe


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
    model.to(memory_format=torch.channels_last)
    trainer = _Trainer(model, data, recipe, seed)
    history: list[Epoch] = []
    best, best_state = None, {}
    for number in range(1, recipe.epochs + 1):
        loss = trainer.epoch(number)
        history.append(Epoch(number, loss, evaluate(model, data.validation, trainer.normalise, recipe)))
        watch(history[-1])
        if best is None or history[-1].validation > best.validation:
            best, best_state = (
                history[-1],
                {name: value.clone() for name, value in model.state_dict().items()},
            )
    assert best is not None
    return Fitted(tuple(history), best, best_state)


class _Trainer:
    """The state that steps share: optimizer, schedule and the count of steps."""

    def __init__(self, model: nn.Module, data: Dataset, recipe: Recipe, seed: int) -> None:
        self.model, self.data, self.recipe, self.seed = model, data, recipe, seed
        self.normalise = Normaliser(data.mean, data.std)
        self.optimizer = sgd(model, recipe)
        self.augmentation = data.augmentation if recipe.augment else Augmentation(padding=0, flip=False)

    def epoch(self, number: int) -> float:
        self.model.train()
        torch.manual_seed(generator(self.seed, "model", number).initial_seed())
        batches = training_batches(self.data.train, self.augmentation, self.recipe.batch_size, self.seed, number)
        total = 0.0
        for i, (images, labels) in enumerate(batches):
            seen = i * self.recipe.batch_size / len(self.data.train)
            self.set_lr((number - 1 + seen) / self.recipe.epochs)
            total += self.step(images, labels, where=f"epoch {number}, step {i + 1}") * len(labels)
        return total / len(self.data.train)

    def set_lr(self, progress: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * SCHEDULES[self.recipe.schedule](progress)

    def step(self, images: Tensor, labels: Tensor, where: str) -> float:
        device = next(self.model.parameters()).device
        with autocast(device, self.recipe):
            logits = self.model(self.normalise(images.to(device)))
        loss = F.cross_entropy(logits.float(), labels.to(device), label_smoothing=self.recipe.label_smoothing)
        value = loss.item()
        if not torch.isfinite(loss):
            lr = self.optimizer.param_groups[0]["lr"]
            raise DivergedError(
                f"the loss is {value} at learning rate {lr:.4g}",
                where=where,
                do="lower the learning rate (--lr)",
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return value


def autocast(device: torch.device, recipe: Recipe) -> torch.autocast:
    """Return the autocast context of a recipe's precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16")


@torch.no_grad()
def evaluate(model: nn.Module, split: Split, normalise: Normaliser, recipe: Recipe, batch_size: int = 500) -> float:
    """Return the accuracy on a split in percent; leaves the model in evaluation mode."""
    device = next(model.parameters()).device
    model.eval()
    correct = 0
    for images, labels in zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True):
        with autocast(device, recipe):
            logits = model(normalise(images.to(device)))
        correct += int((logits.argmax(1) == labels.to(device)).sum())
    return 100 * correct / len(split)
