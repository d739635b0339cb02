"""A recipe: everything about a training run that is neither the network, nor the data, nor the seed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from senet.inference.compute import Compute, Precision
from senet.training.recipe.settings import (
    SGD,
    WEIGHTS_ONLY,
    Ema,
    MixupCutmix,
    Optimizer,
    Plateau,
    StepDecay,
    Views,
    WarmUp,
    WeightDecay,
)
from senet.training.recipe.validate import (
    non_default_fields,
    require,
    require_at_least,
    require_choice,
    require_fraction,
    require_positive,
)

Schedule = Literal["cosine", "step", "plateau", "constant"]
Initialisation = Literal["paper", "zero_branches"]
Sampling = Literal["shuffle", "balanced"]
CHOICES = {"schedule": Schedule, "precision": Precision, "sampling": Sampling, "initialisation": Initialisation}


@dataclass(frozen=True)
class Recipe:
    """Descent on the cross entropy: the first ten fields are every recipe's, the others are off by default.

    Args:
        epochs: Passes over the training split.
        batch_size: Images per step of the optimizer, however they are computed.
        lr: Learning rate of the first step.
        momentum: Of the optimizer.
        weight_decay: Of convolutions and the classifier; ``decay`` says what else it reaches.
        schedule: ``cosine`` to zero (Loshchilov and Hutter, arXiv 1608.03983, without restarts); ``step``, as
            ``steps`` says; ``plateau``, as ``plateau`` says; ``constant``.
        label_smoothing: Share of the target spread over all classes.
        augment: Whether to crop and flip as the data set allows.
        precision: ``float32``, or ``bf16`` or ``fp16`` autocast; ``fp16`` scales the loss.
        threads: torch threads of the process; sums depend on it, and so do results.
        optimizer: Its kind and constants.
        decay: What weight decay reaches beside the weights.
        steps: Of ``schedule = "step"``.
        plateau: Of ``schedule = "plateau"``.
        warm_up: Rise of the learning rate at the start.
        ema: Average of the weights.
        mix: Mixup and cutmix.
        views: Crops and the like of image files; without it, what suits the data.
        clip_norm: Greatest norm of all gradients together.
        accumulate: Parts that a batch is computed in, to save memory; gradients are those of the whole batch,
            but each part has its own statistics in batch norm.
        freeze_norms_from: First epoch in which norms with running statistics (batch norms, some instance norms) keep
            them, their scales and shifts; those of inserted blocks go on.
        drop_path: Share of the last residual branch's samples that are dropped (Huang et al., arXiv 1603.09382);
            it grows linearly from the first branch on.
        dropout: Share of what each dropout layer drops, as a rule the one before the classifier; as the network was
            built if None.
        sampling: ``shuffle``, or ``balanced``: every class as often as any other.
        initialisation: ``paper``: as the network was built; ``zero_branches``: the last norm of every residual
            branch starts at 0 (Goyal et al., arXiv 1706.02677).
        channels_last: Memory layout of images and convolutions.
        compile: Whether to compile the network with torch.compile.
        skip_non_finite: Steps in the whole run that may be left out because their loss or gradient is not
            finite, before training stops.
        sync_norms: Whether batch norms share their statistics over the ranks of a distributed run (SyncBatchNorm),
            which torch does on CUDA alone.
        freeze_trunk: Epochs at the start in which only what is fresh trains: inserted blocks, a new classifier. The
            rest keeps its weights, and its norms their running statistics.
        inserted_lr: Learning rate of the inserted blocks at the first step; the schedule keeps its ratio to ``lr``. If
            None, ten times ``lr`` where the rest of the network has trained weights, else ``lr``.
        class_weights: What the classes weigh in the loss, in their order, as of torch's ``CrossEntropyLoss``; or
            ``balanced``: images / (classes * images of the class), of the training images. None: all the same.
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
    optimizer: Optimizer = SGD
    decay: WeightDecay = WEIGHTS_ONLY
    steps: StepDecay | None = None
    plateau: Plateau | None = None
    warm_up: WarmUp | None = None
    ema: Ema | None = None
    mix: MixupCutmix | None = None
    views: Views | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    freeze_norms_from: int | None = None
    drop_path: float = 0.0
    sampling: Sampling = "shuffle"
    initialisation: Initialisation = "paper"
    channels_last: bool = True
    compile: bool = False
    skip_non_finite: int = 0
    sync_norms: bool = False
    dropout: float | None = None
    freeze_trunk: int = 0
    inserted_lr: float | None = None
    class_weights: Literal["balanced"] | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "threads", "accumulate"):
            require(getattr(self, name) >= 1, f"{name}={getattr(self, name)} is below 1")
        for name in ("lr", "weight_decay", "skip_non_finite", "freeze_trunk"):
            require_at_least(name, getattr(self, name), 0)
        for name in ("momentum", "label_smoothing", "drop_path"):
            require_fraction(name, getattr(self, name))
        if self.dropout is not None:
            require_fraction("dropout", self.dropout)
        if self.clip_norm is not None:
            require_positive("clip_norm", self.clip_norm)
        if self.inserted_lr is not None:
            require_at_least("inserted_lr", self.inserted_lr, 0)
        if isinstance(self.class_weights, tuple):
            require(bool(self.class_weights), "class_weights is an empty list")
            for number, weight in enumerate(self.class_weights):
                require_positive(f"class_weights[{number}]", weight)
        elif self.class_weights is not None:
            require_choice("class_weights", self.class_weights, ("balanced",))
        for name, kind in CHOICES.items():
            require_choice(name, getattr(self, name), get_args(kind))
        _refuse_contradictions(self)

    @property
    def compute(self) -> Compute:
        """How the network is computed, in training and where it is scored."""
        return Compute(self.precision, self.channels_last)


def _refuse_contradictions(recipe: Recipe) -> None:
    """Refuse two settings of which one would be ignored; both keys are named."""
    epochs, steps = recipe.epochs, recipe.steps
    for part in ("steps", "plateau"):
        kind = part.removesuffix("s")
        unread = getattr(recipe, part) is not None and recipe.schedule != kind
        require(
            not unread,
            f"[{part}] is not read with schedule={recipe.schedule!r}",
            do=f'set schedule = "{kind}" (--schedule {kind})',
        )
    if steps is not None:
        last = max(steps.milestones, default=steps.every or 0)
        require(last < epochs, f"steps: the learning rate would fall after epoch {last}, but epochs={epochs}")
    if recipe.warm_up is not None:
        warm_up = recipe.warm_up.epochs
        require(warm_up < epochs, f"warm_up.epochs={warm_up:g} does not end before epochs={epochs}")
    require(recipe.views is None or recipe.augment, "[views] is not read with augment=false")
    frozen = recipe.freeze_norms_from
    require(frozen is None or 1 <= frozen <= epochs, f"freeze_norms_from={frozen} is not in 1..epochs={epochs}")
    faster = recipe.inserted_lr or 0
    said = f"inserted_lr={faster:g} needs lr above 0"
    require(faster == 0 or recipe.lr > 0, said, do=f"set freeze_trunk = {epochs} (--freeze-trunk {epochs})")
    twice = recipe.sampling == recipe.class_weights == "balanced"
    said = "sampling='balanced' and class_weights='balanced' would make up for rare classes twice"
    require(not twice, said, do="keep one of them: --sampling shuffle")
    parts, batch = recipe.accumulate, recipe.batch_size
    require(
        parts == 1 or 2 * parts <= batch,
        f"accumulate={parts} leaves fewer than two images a part of batch_size={batch}",
    )


_ALWAYS = 10  # fields that every recipe shows, also at their defaults


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain values, JSON- and TOML-ready.

    Whatever is off is left out: a field that is added later does not change the name of a trial that does
    without it.
    """
    said = non_default_fields(recipe)
    shown = {name: value for i, (name, value) in enumerate(asdict(recipe).items()) if i < _ALWAYS or name in said}
    return {name: _without_none(value) if isinstance(value, dict) else value for name, value in shown.items()}


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
