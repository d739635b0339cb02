"""Mixup and cutmix on the device, torchvision's, as a function of (seed, epoch, step) and the batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from senet.data import generator
from senet.distributed.process_group import SINGLE_PROCESS
from senet.training.checkpoint.progress import StepId
from senet.training.recipe.settings import MixupCutmix

Mixer = Callable[[Tensor, Tensor, StepId], tuple[Tensor, Tensor]]


def build_mixer(
    mix: MixupCutmix | None,
    classes: int,
    with_previous_item: Callable[[Tensor], Tensor] = SINGLE_PROCESS.with_previous_item,
) -> Mixer:
    """Return what mixes a batch.

    Args:
        mix: How; None for not at all.
        classes: Of the data.
        with_previous_item: Puts what comes before a slice of a batch in front of it, and does nothing to a whole batch:
            torchvision's mixing pairs every image with the one before it, the first with the last.

    Returns:
        (images (B, C, H, W) floating point, labels (B,), step) -> images and shares (B, classes).
    """
    if mix is None:
        return lambda images, labels, at: (images, labels)
    from torchvision.transforms import v2  # slow to import

    kinds: list[Any] = [v2.MixUp(alpha=mix.mixup, num_classes=classes)] if mix.mixup else []
    kinds += [v2.CutMix(alpha=mix.cutmix, num_classes=classes)] if mix.cutmix else []

    def mixed(images: Tensor, labels: Tensor, at: StepId) -> tuple[Tensor, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(generator(at.seed, "mix", at.epoch, at.step).initial_seed())
            kind = kinds[int(torch.randint(len(kinds), ()))]
            mixtures, shares = kind(with_previous_item(images), with_previous_item(labels))
        own = slice(len(mixtures) - len(images), None)
        return mixtures[own], shares[own]

    return mixed
