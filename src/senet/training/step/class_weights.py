"""What the classes weigh in the loss: as a recipe lists it, or by how rare they are among the training images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from senet.errors import UsageError
from senet.training.recipe.recipe import Recipe

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed

MAX_SHOWN = 10  # classes of a sentence


def class_weights(recipe: Recipe, feed: "Feed") -> Tensor | None:
    """Return the weight of each class, (classes,) float32; None where the recipe weighs none.

    ``balanced`` is scikit-learn's, images / (classes * images of the class), of the training images: every class has
    the same part in the loss, and the mean weight of an image is 1.

    Args:
        recipe: Says how.
        feed: Whose classes, and training images, they are.

    Raises:
        UsageError: A list of another length than the classes; a class without training images, or a feed that does not
            say the labels of its own, where they are to be balanced.
    """
    wanted = recipe.class_weights
    if wanted is None:
        return None
    values = _balanced(feed) if wanted == "balanced" else _listed(wanted, feed.classes)
    return torch.tensor(values, dtype=torch.float32)


def class_weights_notices(recipe: Recipe, feed: "Feed") -> tuple[str, ...]:
    """Say what weighing the classes does to a run and to a comparison; nothing where none are weighed.

    Raises:
        UsageError: As of :func:`class_weights`.
    """
    weights = class_weights(recipe, feed)
    if weights is None:
        return ()
    named = [f"{name} {weight:.4g}" for name, weight in zip(feed.classes, weights.tolist(), strict=True)]
    more = f" and {len(named) - MAX_SHOWN:,} more" if len(named) > MAX_SHOWN else ""
    return (
        f"class_weights: the training loss is weighted by class ({', '.join(named[:MAX_SHOWN])}{more}), in all "
        "variants; accuracy and the validation loss are not; do not compare with runs without it",
    )


def _balanced(feed: "Feed") -> list[float]:
    labels = getattr(feed.train, "labels", None)
    if not isinstance(labels, Tensor):
        what = "class_weights='balanced', but this feed does not say the labels of its training images"
        raise UsageError(what, do="list a weight for each class: --class-weights 1 2 ...")
    counts = labels.bincount(minlength=len(feed.classes)).tolist()
    if empty := [name for name, count in zip(feed.classes, counts, strict=True) if not count]:
        what = f"class_weights='balanced', but no training image is of {', '.join(empty[:MAX_SHOWN])}"
        raise UsageError(what, do="list a weight for each class: --class-weights 1 2 ...; or leave such a class out")
    return [len(labels) / (len(counts) * count) for count in counts]


def _listed(weights: Sequence[float], classes: Sequence[str]) -> list[float]:
    if len(weights) != len(classes):
        shown = ", ".join(classes[:MAX_SHOWN]) + (", ..." if len(classes) > MAX_SHOWN else "")
        what = f"class_weights lists {len(weights)} weights, but the data has {len(classes)} classes: {shown}"
        raise UsageError(what, do="list one for each, in this order, or --class-weights balanced")
    return list(weights)
