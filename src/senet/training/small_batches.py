"""Batches and maps on which a norm cannot train: found before the first step, or said in the step's own words."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from senet.data.ranks import least_batch
from senet.errors import UsageError
from senet.text import counted
from senet.training.recipe import Recipe
from senet.training.tuning import Frozen, Tuning

Image = tuple[int, int, int]
LARGEST = 512  # side of the images that are tried
# Of torch's batch, group and instance norms, and of our own blocks.
WORDS = ("Expected more than 1 value per channel", "Expected more than 1 spatial element", "one value per channel")


def smallest_part(count: int, batch_size: int, ranks: int = 1) -> int:
    """Return how many images the smallest forward pass of training has; parts of a batch never have one alone.

    Args:
        count: Training images.
        batch_size: Of all ranks together.
        ranks: That share a batch.
    """
    return min(least_batch(count, batch_size) // ranks, 2)


def require_trains(model: nn.Module, tuning: Tuning, image: Image, images: int, resizable: bool) -> None:
    """Run a copy of a model as its first epoch that trains all of it will, on as few images as a step may have.

    Other failures are left to :func:`senet.training.fits.require_fits`.

    Args:
        model: On any device; left as it is.
        tuning: What is frozen, and when.
        image: Channels, height and width.
        images: See :func:`smallest_part`.
        resizable: Whether the images may have another size.

    Raises:
        UsageError: One image is too few and two are not; or a norm has one position of a map, where more are needed.
    """
    error = _failure(model, tuning, image, images)
    if error is None:
        return
    if images == 1 and _failure(model, tuning, image, 2) is None:
        what = f"the network cannot train on a single image: {_said(error)}"
        do = "--batch-size 2 is enough" if tuning.recipe.batch_size == 1 else "two images to train on are enough"
        raise UsageError(what, where=_place(error), do=do) from error
    if _one_value(error):
        shape = "x".join(map(str, image))
        what = f"the network cannot train on images of {shape}: {_said(error)}"
        raise UsageError(what, where=_place(error), do=_larger(model, tuning, image, images, resizable)) from error


@contextmanager
def advice_on_small_batches(recipe: Recipe, images: int, where: str) -> Iterator[None]:
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


def _failure(model: nn.Module, tuning: Tuning, image: Image, images: int) -> Exception | None:
    """Return what goes wrong in a forward pass of training; what is returned for one image must be of one image."""
    twin = copy.deepcopy(model).train()
    recipe = tuning.recipe
    frozen = Frozen(twin, tuning)
    frozen.begin_epoch(min(recipe.freeze_trunk + 1, recipe.epochs))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = twin(torch.zeros(images, *image, device=next(model.parameters()).device))
        lost = isinstance(logits, Tensor) and (not logits.ndim or len(logits) != images)
        return ValueError(f"of it the network makes {tuple(logits.shape)}, without its batch axis") if lost else None
    except Exception as error:  # a model of somebody's may raise anything
        return _noted(error, twin)
    finally:
        frozen.thaw()


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


def _larger(model: nn.Module, tuning: Tuning, image: Image, images: int, resizable: bool) -> str:
    """Say which size of images would do, the least of those that are doubled."""
    channels, height, width = image
    while resizable and max(height, width) < LARGEST:
        height, width = 2 * height, 2 * width
        if _failure(model, tuning, (channels, height, width), images) is None:
            return f"--image-size {height} is enough"
    return "take a network that reduces its maps less, or another norm in it"


def _one_value(error: Exception) -> bool:
    return any(words in str(error) for words in WORDS)


def _said(error: Exception) -> str:
    return error.what if isinstance(error, UsageError) else str(error).partition("\n")[0]
