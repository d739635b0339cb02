"""Refuse a network and data that do not belong together, before the first step."""

import copy

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.image_size import remedy


def require_fits(model: nn.Module, image: tuple[int, int, int], classes: int) -> None:
    """Run a copy of a model once as training will.

    Args:
        model: On any device; left as it is.
        image: Channels, height and width.
        classes: Of the data.

    Raises:
        UsageError: It does not take such images, or does not return (B, classes).
    """
    twin = copy.deepcopy(model).train()
    batch = torch.zeros(2, *image, device=next(model.parameters()).device)
    shape = "x".join(map(str, image))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = twin(batch)
    except Exception as error:  # a model of somebody's may raise anything
        what = str(error).partition("\n")[0]
        do = remedy(model, image) or "take another network"
        raise UsageError(f"the network does not take images of {shape}: {what}", do=do) from error
    if not isinstance(logits, Tensor):
        do = "let a function of your own, FILE.py:FUNCTION, make it so that it returns logits alone"
        raise UsageError(f"in training the network returns a {type(logits).__name__}, not logits", do=do)
    if logits.shape != (2, classes):
        what = f"of 2 images the network makes {tuple(logits.shape)}, but the data has {classes} classes"
        raise UsageError(what, do="--head new puts a fresh classifier for them in the place of its own")
