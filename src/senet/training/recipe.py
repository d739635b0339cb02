"""A recipe: everything about a training run that is neither the network, nor the data, nor the seed."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from senet.errors import UsageError, nearest

Schedule = Literal["cosine", "step"]
Precision = Literal["float32", "bf16"]


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent on the cross entropy.

    Args:
        epochs: Passes over the training split.
        batch_size: Images per step.
        lr: Learning rate of the first step.
        momentum: Of Nesterov's method.
        weight_decay: Of convolutions and the classifier alone; biases, norms and gates are not decayed.
        schedule: ``cosine`` to zero, or ``step``: a tenth after half and after three quarters of the steps,
            as He et al. 2015 train on CIFAR.
        label_smoothing: Share of the target spread over all classes.
        augment: Whether to crop and flip as the data set allows.
        precision: ``float32``, or ``bf16`` autocast.
        threads: torch threads of the process; sums depend on it, and so do results.
    """

    epochs: int = 30
    batch_size: int = 32
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Schedule = "cosine"
    label_smoothing: float = 0.0
    augment: bool = True
    precision: Precision = "float32"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "threads"):
            _require(getattr(self, name) >= 1, f"{name}={getattr(self, name)} is below 1")
        for name in ("lr", "weight_decay"):
            value = getattr(self, name)
            _require(math.isfinite(value) and value >= 0, f"{name}={value} is not a number of at least 0")
        for name in ("momentum", "label_smoothing"):
            _require(0 <= getattr(self, name) < 1, f"{name}={getattr(self, name)} is not in [0, 1)")
        _require_choice("schedule", self.schedule, get_args(Schedule))
        _require_choice("precision", self.precision, get_args(Precision))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise UsageError(f"recipe: {message}")


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"recipe: {name}={value!r} is not one of {', '.join(choices)}", do=nearest(value, choices))
