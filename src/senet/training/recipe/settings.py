"""The parts of a recipe that few recipes need, one small dataclass each; leaving a part out turns it off."""

from dataclasses import dataclass
from typing import Literal

from senet.training.recipe.validate import (
    non_default_fields,
    require,
    require_at_least,
    require_fraction,
    require_positive,
)
from senet.utils.one_or_many import as_tuple

OptimizerKind = Literal["sgd", "rmsprop", "adamw"]

# Which fields an optimizer reads; setting another one is an error, not a silent no-op.
_READ: dict[str, tuple[str, ...]] = {
    "sgd": ("nesterov",),
    "rmsprop": ("smoothing", "eps"),
    "adamw": ("second_moment", "eps"),
}


@dataclass(frozen=True)
class Optimizer:
    """Which rule turns gradients into steps; lr, momentum and weight decay are the recipe's own.

    Args:
        kind: ``sgd``; ``rmsprop`` with momentum; ``adamw``, whose first moment's decay is the recipe's momentum.
        nesterov: Of sgd: Nesterov's momentum rather than the heavy ball's. Caffe's, and the papers', is the latter.
        smoothing: Of rmsprop: decay of the squared gradient's mean (``alpha`` in torch).
        second_moment: Of adamw: decay of the second moment (beta 2).
        eps: Of rmsprop and adamw: added to the root in the denominator.
    """

    kind: OptimizerKind = "sgd"
    nesterov: bool = True
    smoothing: float = 0.99
    second_moment: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        require_fraction("optimizer.smoothing", self.smoothing)
        require_fraction("optimizer.second_moment", self.second_moment)
        require_positive("optimizer.eps", self.eps)
        for name in non_default_fields(self):
            read = name in ("kind", *_READ[self.kind])
            require(read, f"optimizer.kind={self.kind!r} does not read optimizer.{name}")


@dataclass(frozen=True)
class WeightDecay:
    """What weight decay reaches beside the weights of convolutions and linear layers.

    Args:
        biases: Of any layer outside attention's gates.
        norms: Scales and shifts of norms.
        gates: Everything in an attention block, whatever its kind. A decayed gate drifts towards one half
            whatever the data say; the papers do not state a choice.
    """

    biases: bool = False
    norms: bool = False
    gates: bool = False


SGD, WEIGHTS_ONLY = Optimizer(), WeightDecay()


@dataclass(frozen=True)
class StepDecay:
    """Where ``schedule = "step"`` lowers the learning rate, and by how much.

    Args:
        milestones: Epochs that are over when it falls. Without it and ``every``: half and three quarters of the
            run, as He et al. 2015 train on CIFAR.
        every: Epochs between two falls, in place of milestones.
        factor: Multiplies the learning rate at each.
    """

    milestones: tuple[int, ...] = ()
    every: int | None = None
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_fraction("steps.factor", self.factor)
        object.__setattr__(self, "milestones", as_tuple("steps.milestones", self.milestones, int))
        milestones = self.milestones
        require(list(milestones) == sorted(set(milestones)), f"steps.milestones={milestones} do not rise")
        require(all(m >= 1 for m in milestones), f"steps.milestones={milestones}: the first epoch is 1")
        require(self.every is None or self.every >= 1, f"steps.every={self.every} is below 1")
        require(not (milestones and self.every), "steps.milestones and steps.every are both set: choose one")


@dataclass(frozen=True)
class Plateau:
    """When ``schedule = "plateau"`` lowers the learning rate.

    Args:
        patience: Epochs in a row whose validation loss is not below the least so far.
        factor: Multiplies the learning rate then.
        drops: How often at the most.
    """

    patience: int = 10
    factor: float = 0.1
    drops: int = 3

    def __post_init__(self) -> None:
        require_fraction("plateau.factor", self.factor)
        require(self.patience >= 1, f"plateau.patience={self.patience} is below 1")
        require(self.drops >= 1, f"plateau.drops={self.drops} is below 1")


@dataclass(frozen=True)
class WarmUp:
    """Linear rise of the learning rate before the schedule (Goyal et al., arXiv 1706.02677).

    Args:
        epochs: How long; fractions are allowed. A cosine covers the epochs that are left.
        start: Share of the learning rate at the first step.
    """

    epochs: float = 5.0
    start: float = 0.0

    def __post_init__(self) -> None:
        require_positive("warm_up.epochs", self.epochs)
        require_fraction("warm_up.start", self.start)


@dataclass(frozen=True)
class Ema:
    """Exponential moving average of parameters and of the norms' statistics; it is what is evaluated and saved.

    Args:
        decay: Of the average, per step.
        ramp: Whether the decay is at most (1 + n) / (10 + n) at step n, as TensorFlow's, so that the first
            weights are soon forgotten.
    """

    decay: float = 0.9999
    ramp: bool = True

    def __post_init__(self) -> None:
        require(0 < self.decay < 1, f"ema.decay={self.decay} is not in (0, 1)")


@dataclass(frozen=True)
class MixupCutmix:
    """Training on mixtures of two images of a batch.

    Args:
        mixup: alpha of the Beta distribution of Zhang et al., arXiv 1710.09412; 0 turns mixup off.
        cutmix: alpha of Yun et al., arXiv 1905.04899; 0 turns cutmix off. With both, each batch draws one.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mixup", "cutmix"):
            require(0 <= getattr(self, name) < float("inf"), f"mix.{name}={getattr(self, name)} is not at least 0")
        require(self.mixup > 0 or self.cutmix > 0, "mix.mixup and mix.cutmix are both 0: leave [mix] out instead")


@dataclass(frozen=True)
class Views:
    """What training sees of an image file, drawn anew each epoch.

    Args:
        size: Height and width of the network's input.
        area: Least and greatest share of the image that a crop takes (Szegedy et al., arXiv 1409.4842).
        aspect: Least and greatest width over height of a crop.
        padding: Black pixels around an image before a crop of its own size, in place of area and aspect: CIFAR's.
        flip: Whether half of the images are mirrored.
        rotation: Greatest angle either way, in degrees.
        pixel_jitter: Greatest value added to each pixel and channel by itself, of 255.
        colour: Greatest change of brightness, contrast and saturation, each as a factor around 1.
        trivial: TrivialAugment (Mueller and Hutter, arXiv 2103.10158).
    """

    size: int = 224
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    padding: int = 0
    flip: bool = True
    rotation: float = 0.0
    pixel_jitter: int = 0
    colour: float = 0.0
    trivial: bool = False

    def __post_init__(self) -> None:
        require(self.size >= 1, f"views.size={self.size} is below 1")
        for name in ("padding", "rotation", "pixel_jitter", "colour"):
            require_at_least(f"views.{name}", getattr(self, name), 0)
        for name in ("area", "aspect"):
            pair = as_tuple(f"views.{name}", getattr(self, name), float)
            require(len(pair) == 2, f"views.{name}={pair} is not two numbers")
            low, high = pair
            require(0 < low <= high, f"views.{name}={[low, high]} is not an interval of positive numbers")
        require(self.area[1] <= 1, f"views.area={list(self.area)} ends above 1")
        unread = self.padding and {"area", "aspect"} & {*non_default_fields(self)}
        require(not unread, "views.padding and views.area or views.aspect are both set: a crop is one or the other")
