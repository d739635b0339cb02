"""A trial as a worker runs it, saved after every step, which may die at a call."""

import math

import torch

from senet.attention import CBAM
from senet.data import DataConfig, resolved
from senet.study.compare import check_plan
from senet.study.plan import Plan
from senet.study.runners.attempt import attempt_in_process
from senet.study.variant import Variant
from senet.training import Recipe, in_memory
from senet.training.recipe.settings import Ema, MixupCutmix
from senet.utils.environment import environment
from toy import die_at

RECIPE = Recipe(epochs=3, batch_size=16, dropout=0.3, ema=Ema(0.9), mix=MixupCutmix(mixup=0.2))


def trial(source="digits"):
    data = resolved(DataConfig(source, train_fraction=0.05, image_size=None if source == "digits" else 8))
    plan, feed = check_plan(Plan("resnet8", {"CBAM": Variant(CBAM(reduction=4))}, 1, data, RECIPE))
    return plan.trials(feed.fingerprint(), environment())[0]


def main(said, folder, source, *death):
    """Run the trial in a process of its own, which says nothing; ``death`` is what :func:`toy.die_at` takes."""
    torch.set_num_threads(1)
    in_memory.EVERY, in_memory.SHARE = 0.0, math.inf
    die_at(*death)
    attempt_in_process(trial(source), folder)
