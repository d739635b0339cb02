"""Open the data of a run: in memory where it is small, else decoded as it goes, in batches as the recipe asks."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from senet.data import (
    Augmentation,
    Balanced,
    Batching,
    Dataset,
    DataSettings,
    Feed,
    Loading,
    MemoryFeed,
    Shuffled,
    decoded,
    divided,
    open_data,
    read_source,
    streamed,
)
from senet.data.decoded import fits_in_memory
from senet.data.order import Order
from senet.data.ranks import WHOLE, Share
from senet.data.split import Divided
from senet.data.transform import SHARE, SIZE, InputTransform
from senet.errors import UsageError
from senet.training.checks import require
from senet.training.recipe import Recipe
from senet.training.settings import Views

if TYPE_CHECKING:
    from senet.data.augment import Transform
    from senet.training.deprecated import FeedSettings

# Of ImageNet's training images, as torchvision and timm state it: photographs are alike enough.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LOADING = Loading()


@dataclass(frozen=True, eq=False)
class OpenedData:
    """Data that was opened once, for as many recipes as there are.

    Args:
        settings: Which data; ``in_memory`` says whether it was decoded.
        loading: How images that are decoded as they go are read; its share goes for all data.
        held: Decoded, or to be decoded as it goes.
    """

    settings: DataSettings
    loading: Loading
    held: Dataset | Divided

    def feed(self, recipe: Recipe) -> Feed:
        """Return the batches that a recipe asks for.

        Raises:
            UsageError: The recipe contradicts the settings, or the size of images that have one.
        """
        if isinstance(self.held, Dataset):
            return memory_feed(self.held, recipe, self.loading.share)
        size = self.settings.image_size
        views = recipe.views or Views(size=size or SIZE)
        same = f"views.size={views.size} and image_size={size} are not the same"
        require(size in (None, views.size), same, do="leave one of the two out")
        transform = input_transform(views)
        transforms = transforms_of(replace(recipe, views=views)) if recipe.augment else (transform.cropped,)
        return streamed(self.held, transform, Batching(recipe.batch_size, transforms, order_of(recipe)), self.loading)


def opened_data(settings: DataSettings, loading: Loading = LOADING) -> OpenedData:
    """Find, divide and, where it is to be kept in memory, decode a data set.

    Raises:
        UsageError: An unknown source, or settings that contradict each other.
        DataError: The data is missing or not what it says.
        ResourceError: A copy of shards at an address does not fit the disk.
    """
    data = divided(open_data(settings), train_fraction=settings.train_fraction)
    keep = _kept(settings, loading, data)
    held = decoded(data, settings.image_size, loading.on_error) if keep else data
    return OpenedData(replace(settings, in_memory=keep), loading, held)


def open_feed(settings: "DataSettings | FeedSettings", recipe: Recipe, loading: Loading = LOADING) -> Feed:
    """Open the batches of a run.

    Args:
        settings: Which data.
        recipe: How to train on it.
        loading: How images that are decoded as they go are read; its share goes for all data.

    Raises:
        SenetError: As of :func:`opened_data` and :meth:`OpenedData.feed`.
    """
    from senet.training.deprecated import FeedSettings

    if isinstance(settings, FeedSettings):
        loading, settings = settings.loading, replace(settings.data, in_memory=settings.in_memory)
    return opened_data(settings, loading).feed(recipe)


def _kept(settings: DataSettings, loading: Loading, data: Divided) -> bool:
    """Return whether all images are decoded once and kept."""
    kind = read_source(settings.source).kind
    if kind == "named":
        if settings.in_memory is False:
            raise UsageError(f"{settings.source} is small: it is kept in memory", do="leave --in-memory out")
        return True
    if settings.in_memory is not None:
        return settings.in_memory
    if kind == "shards" or settings.image_size is not None or loading.on_error == "skip":
        return False
    return fits_in_memory(data)


def input_transform(views: Views) -> InputTransform:
    """Return the evaluation side of views: the centre of a larger image, all of it where views pad it."""
    resize = views.size if views.padding else int(views.size / SHARE)
    return InputTransform((views.size, views.size), resize, MEAN, STD)


def order_of(recipe: Recipe) -> Order:
    """Return how an epoch visits the images."""
    orders: dict[str, Order] = {"shuffle": Shuffled(), "balanced": Balanced()}
    return orders[recipe.sampling]


def transforms_of(recipe: Recipe) -> "tuple[Transform, ...]":
    """Return what is done to an image file, in order; empty where the recipe leaves it to the data."""
    from senet.data import augment  # it imports torchvision

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


def memory_feed(data: Dataset, recipe: Recipe, share: Share = WHOLE) -> MemoryFeed:
    """Return the batches of a data set in memory, or a rank's share of them.

    Raises:
        UsageError: The recipe's views are of another size than the images.
    """
    views, transforms = recipe.views, transforms_of(recipe)
    augmentation = data.augmentation if recipe.augment else Augmentation(padding=0, flip=False)
    if views is not None:
        side, size = views.size, data.size
        require(size == (side, side), f"views.size={side}, but the images of {data.name} are {size[0]} x {size[1]}")
        plain = views == Views(size=side, padding=views.padding, flip=views.flip) and views.padding > 0
        augmentation = Augmentation(views.padding, views.flip) if plain else Augmentation(padding=0, flip=False)
        transforms = () if plain else transforms  # whole batches are cropped and flipped far faster than images
    return MemoryFeed(data, Batching(recipe.batch_size, transforms, order_of(recipe)), augmentation, share)
