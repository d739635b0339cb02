"""What a batch must be for a network to train on it: told before the first step, or in the step's own words."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from senet.data.sampling.rank_share import least_batch
from senet.errors import ResourceError, UsageError
from senet.image_size import image_size_remedy
from senet.training.recipe.recipe import Recipe
from senet.training.setup.freeze import FineTuneConfig, FreezeSchedule
from senet.utils.text import counted


def require_model_fits_data(model: nn.Module, image: tuple[int, int, int], classes: int) -> None:
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
        do = image_size_remedy(model, image) or "take another network"
        raise UsageError(f"the network does not take images of {shape}: {what}", do=do) from error
    if not isinstance(logits, Tensor):
        do = "build it by FILE.py:FUNCTION, so that it returns logits alone"
        raise UsageError(f"in training the network returns a {type(logits).__name__}, not logits", do=do)
    if logits.shape != (2, classes):
        what = f"the network's output for 2 images is {tuple(logits.shape)}, but the data has {classes} classes"
        raise UsageError(what, do="--head new replaces its classifier")


Image = tuple[int, int, int]
LARGEST = 512  # side of the images that are tried
# Of torch's batch, group and instance norms, and of our own blocks.
WORDS = ("Expected more than 1 value per channel", "Expected more than 1 spatial element", "one value per channel")


def smallest_micro_batch(count: int, batch_size: int, ranks: int = 1) -> int:
    """Return how many images the smallest forward pass of training has; parts of a batch never have one alone.

    Args:
        count: Training images.
        batch_size: Of all ranks together.
        ranks: That share a batch.
    """
    return min(least_batch(count, batch_size) // ranks, 2)


def require_trainable(model: nn.Module, tuning: FineTuneConfig, image: Image, images: int, resizable: bool) -> None:
    """Run a copy of a model as its first epoch that trains all of it will, on as few images as a step may have.

    Other failures are left to :func:`senet.training.setup.batch_checks.require_model_fits_data`.

    Args:
        model: On any device; left as it is.
        tuning: What is frozen, and when.
        image: Channels, height and width.
        images: See :func:`smallest_micro_batch`.
        resizable: Whether the images may have another size.

    Raises:
        UsageError: One image is too few and two are not; or a norm has one position of a map, where more are needed.
    """
    error = _failure(model, tuning, image, images)
    if error is None:
        return
    if images == 1 and _failure(model, tuning, image, 2) is None:
        what = f"the network cannot train on a single image: {_said(error)}"
        do = "use --batch-size 2 or more" if tuning.recipe.batch_size == 1 else "use two training images or more"
        raise UsageError(what, where=_place(error), do=do) from error
    if _one_value(error):
        shape = "x".join(map(str, image))
        what = f"the network cannot train on images of {shape}: {_said(error)}"
        raise UsageError(what, where=_place(error), do=_larger(model, tuning, image, images, resizable)) from error


@contextmanager
def explain_small_batch(recipe: Recipe, images: int, where: str) -> Iterator[None]:
    """Turn torch's words for a norm with one value into an error that the user can act on."""
    try:
        yield
    except (ValueError, UsageError) as error:
        if not _one_value(error):
            raise
        what = f"a norm cannot train on a step of {counted(images, 'image')}: {_said(error)}"
        larger = f"--batch-size {max(2, 2 * recipe.batch_size)}"
        do = f"{larger}, or larger images; images that cannot be read leave a batch smaller"
        raise UsageError(what, where=", ".join(filter(None, (where, _place(error)))), do=do) from error


def _failure(model: nn.Module, tuning: FineTuneConfig, image: Image, images: int) -> Exception | None:
    """Return what goes wrong in a forward pass of training; what is returned for one image must be of one image."""
    twin = copy.deepcopy(model).train()
    recipe = tuning.recipe
    frozen = FreezeSchedule(twin, tuning)
    frozen.begin_epoch(min(recipe.freeze_trunk + 1, recipe.epochs))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = twin(torch.zeros(images, *image, device=next(model.parameters()).device))
        lost = isinstance(logits, Tensor) and (not logits.ndim or len(logits) != images)
        return ValueError(f"its output is {tuple(logits.shape)}, without a batch axis") if lost else None
    except Exception as error:  # a model of somebody's may raise anything
        return _noted(error, twin)
    finally:
        frozen.unfreeze()


def _noted(error: Exception, model: nn.Module) -> Exception:
    """Note in an error which module of a model it was raised in."""
    names = {id(module): name or "the model itself" for name, module in model.named_modules()}
    at, name = error.__traceback__, ""
    while at is not None:
        name = names.get(id(at.tb_frame.f_locals.get("self")), name)
        at = at.tb_next
    error.add_note(name)
    return error


def _place(error: Exception) -> str:
    """Return the name of the module that failed; empty where it was not noted."""
    return next(iter(getattr(error, "__notes__", ())), "")


def _larger(model: nn.Module, tuning: FineTuneConfig, image: Image, images: int, resizable: bool) -> str:
    """Say which size of images would do, the least of those that are doubled."""
    channels, height, width = image
    while resizable and max(height, width) < LARGEST:
        height, width = 2 * height, 2 * width
        if _failure(model, tuning, (channels, height, width), images) is None:
            return f"use --image-size {height} or more"
    return "use a network with less downsampling, or another norm"


def _one_value(error: Exception) -> bool:
    return any(words in str(error) for words in WORDS)


def _said(error: Exception) -> str:
    return error.what if isinstance(error, UsageError) else str(error).partition("\n")[0]


@contextmanager
def explain_out_of_memory(recipe: Recipe, where: str) -> Iterator[None]:
    """Turn an allocation that failed into an error that the user can act on; the batch is never changed for them."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's allocator raises a plain one
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        peak = f", peak {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if torch.cuda.is_available() else ""
        parts = recipe.accumulate
        what = f"out of memory with batch_size={recipe.batch_size} in {counted(parts, 'part')}{peak}"
        do = (
            f"set accumulate = {2 * parts} (--accumulate {2 * parts}): the same batch in smaller parts "
            "(batch norm sees the parts)"
        )
        raise ResourceError(what, where=where, do=do) from error
