"""A recipe of which no field but `augment` and `plateau` is at its default: false would make views unread; the schedule
is another."""

from senet.training.recipe.recipe import Recipe
from senet.training.recipe.settings import Ema, MixupCutmix, Optimizer, StepDecay, Views, WarmUp, WeightDecay

EVERYTHING = Recipe(
    epochs=100,
    batch_size=256,
    lr=0.05,
    momentum=0.8,
    weight_decay=1e-4,
    schedule="step",
    label_smoothing=0.1,
    precision="bf16",
    threads=2,
    optimizer=Optimizer(kind="rmsprop", smoothing=0.9, eps=1e-3),
    decay=WeightDecay(biases=True, norms=True, gates=True),
    steps=StepDecay(milestones=(30, 60), factor=0.2),
    warm_up=WarmUp(5, 0.1),
    ema=Ema(0.999, ramp=False),
    mix=MixupCutmix(mixup=0.2, cutmix=1.0),
    views=Views(160, (0.35, 1.0), (0.8, 1.2), flip=False, rotation=10, pixel_jitter=20, colour=0.4, trivial=True),
    clip_norm=1.0,
    accumulate=4,
    freeze_norms_from=90,
    drop_path=0.1,
    sampling="balanced",
    initialisation="zero_branches",
    channels_last=False,
    compile=True,
    skip_non_finite=3,
    sync_norms=True,
    dropout=0.3,
    freeze_trunk=2,
    inserted_lr=0.5,
    class_weights=(1.0, 2.5, 0.5),
)
