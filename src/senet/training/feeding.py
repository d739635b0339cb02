"""What a recipe asks of the data: in which order, and what is done to an image."""

from typing import TYPE_CHECKING

from senet.data import Augmentation, Dataset
from senet.data.ranks import WHOLE, Share
from senet.training.checks import require
from senet.training.recipe import Recipe
from senet.training.settings import Views

if TYPE_CHECKING:  # they import torchvision
    from senet.data.augment import Transform
    from senet.data.memory import MemoryFeed
    from senet.data.order import Order


def order_of(recipe: Recipe) -> "Order":
    """Return how an epoch visits the images."""
    from senet.data.order import Balanced, Shuffled

    orders: dict[str, Order] = {"shuffle": Shuffled(), "balanced": Balanced()}
    return orders[recipe.sampling]


def transforms_of(recipe: Recipe) -> "tuple[Transform, ...]":
    """Return what is done to an image file, in order; empty where the recipe leaves it to the data."""
    from senet.data import augment

    views = recipe.views
    if views is None or not recipe.augment:
        return ()
    crop = (
        augment.RandomCrop(views.size, views.padding)
        if views.padding
        else augment.RandomResizedCrop(views.size, views.area, views.aspect)
    )
    steps: list[tuple[bool, Transform]] = [
        (views.rotation > 0, augment.Rotation(views.rotation)),
        (True, crop),
        (views.flip, augment.Flip()),
        (views.trivial, augment.TrivialAugment()),
        (views.colour > 0, augment.ColourJitter(views.colour, views.colour, views.colour)),
        (views.pixel_jitter > 0, augment.PixelJitter(views.pixel_jitter)),
    ]
    return tuple(transform for wanted, transform in steps if wanted)


def memory_feed(data: Dataset, recipe: Recipe, share: Share = WHOLE) -> "MemoryFeed":
    """Return the batches of a data set in memory, or a rank's share of them.

    Raises:
        UsageError: The recipe's views are of another size than the images.
    """
    from senet.data.batching import Batching
    from senet.data.memory import MemoryFeed

    views, transforms = recipe.views, transforms_of(recipe)
    augmentation = data.augmentation if recipe.augment else Augmentation(padding=0, flip=False)
    if views is not None:
        side, size = views.size, data.size
        require(size == (side, side), f"views.size={side}, but the images of {data.name} are {size[0]} x {size[1]}")
        plain = views == Views(size=side, padding=views.padding, flip=views.flip) and views.padding > 0
        augmentation = Augmentation(views.padding, views.flip) if plain else Augmentation(padding=0, flip=False)
        transforms = () if plain else transforms  # whole batches are cropped and flipped far faster than images
    return MemoryFeed(data, Batching(recipe.batch_size, transforms, order_of(recipe)), augmentation, share)
