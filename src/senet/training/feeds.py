"""Open the data of a run: in memory where it is small, else decoded as it goes, in batches as the recipe asks."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from senet.data import (
    Augmentation,
    Batching,
    DataConfig,
    Dataset,
    Feed,
    Loading,
    MemoryFeed,
    decoded,
    divided,
    open_data,
    read_source,
    streamed,
)
from senet.data.images.sizes import read_image_sizes
from senet.data.loader.decode import fits_in_memory
from senet.data.loader.feed import input_settings_of, sizes_in
from senet.data.sampling.rank_share import SINGLE_RANK, Share
from senet.data.sampling.split import DataSplits
from senet.data.transforms.evaluation import SIZE, InputTransform
from senet.errors import UsageError
from senet.training.recipe.recipe import Recipe
from senet.training.recipe.settings import Views
from senet.training.recipe.transforms import (
    MEAN,
    STD,
    input_transform,
    large_image_transforms,
    sampling_order,
    small_image_transforms,
    train_transforms,
)
from senet.training.recipe.validate import require

if TYPE_CHECKING:
    from senet.training.deprecated import FeedSettings


LOADING = Loading()


@dataclass(frozen=True, eq=False)
class OpenedData:
    """Data that was opened once, for as many recipes as there are.

    Args:
        settings: Which data; ``in_memory`` says whether it was decoded.
        loading: How images that are decoded as they go are read; its share goes for all data.
        held: Decoded, or to be decoded as it goes.
    """

    settings: DataConfig
    loading: Loading
    held: Dataset | DataSplits

    def feed(self, recipe: Recipe) -> Feed:
        """Return the batches that a recipe asks for.

        Raises:
            UsageError: The recipe contradicts the settings, or the size of images that have one.
        """
        if isinstance(self.held, Dataset):
            return memory_feed(self.held, recipe, self.loading.share)
        side, sizes, given = self.settings.image_size, self.settings.sizes, self.settings.input
        if recipe.views is None and side is None and sizes is not None and sizes.size is not None:
            transform = given.over(InputTransform(sizes.size, min(sizes.size), MEAN, STD))
            transforms = small_image_transforms(transform, recipe)
        else:
            views = recipe.views or Views(size=side or SIZE)
            same = f"views.size={views.size} and image_size={side} are not the same"
            require(side in (None, views.size), same, do="leave one of the two out")
            transform, sizes = given.over(input_transform(views)), None if recipe.views else sizes
            transforms = (
                large_image_transforms(transform, replace(recipe, views=views))
                if recipe.augment
                else (transform.cropped,)
            )
        batching = Batching(recipe.batch_size, transforms, sampling_order(recipe))
        return replace(streamed(self.held, transform, batching, self.loading), given=given, sizes=sizes)


def opened_data(settings: DataConfig, loading: Loading = LOADING) -> OpenedData:
    """Find, divide and, where it is to be kept in memory, decode a data set.

    Raises:
        UsageError: An unknown source, or settings that contradict each other.
        DataError: The data is missing or not what it says.
        ResourceError: A copy of shards at an address does not fit the disk.
    """
    data = divided(open_data(settings), train_fraction=settings.train_fraction)
    settings = _sized(settings, data)
    keep, size = _keep_in_memory(settings, data), _size_of(settings)
    held: Dataset | DataSplits = data
    if keep:
        held = replace(decoded(data, size, loading.on_error, settings.input), sizes=settings.sizes)
    return OpenedData(replace(settings, in_memory=keep), loading, held)


def open_feed(settings: "DataConfig | FeedSettings", recipe: Recipe, loading: Loading = LOADING) -> Feed:
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


def _sized(settings: DataConfig, data: DataSplits) -> DataConfig:
    """Return the settings with what the headers of image files say, where no size is named."""
    asked = settings.image_size is None and settings.sizes is None and read_source(settings.source).kind != "named"
    return replace(settings, sizes=read_image_sizes(data.listed)) if asked else settings


def _size_of(settings: DataConfig) -> tuple[int, int] | None:
    """Return the height and width that image files are brought to; None: they have the data set's own."""
    if settings.image_size is not None:
        return settings.image_size, settings.image_size
    return None if settings.sizes is None else settings.sizes.size or (SIZE, SIZE)


def _keep_in_memory(settings: DataConfig, data: DataSplits) -> bool:
    """Return whether all images are decoded once and kept; it decides the speed, and not what the images become."""
    kind = read_source(settings.source).kind
    if kind == "named":
        if settings.in_memory is False:
            raise UsageError(f"{settings.source} is small: it is kept in memory", do="leave --in-memory out")
        return True
    if settings.in_memory is not None:
        return settings.in_memory
    if kind == "shards" or settings.sizes is None or settings.sizes.size is None:
        return False
    return fits_in_memory(data, settings.sizes.size)


def memory_feed(data: Dataset, recipe: Recipe, share: Share = SINGLE_RANK) -> MemoryFeed:
    """Return the batches of a data set in memory, or a rank's share of them.

    Raises:
        UsageError: The recipe's views are of another size than the images.
    """
    views, transforms = recipe.views, train_transforms(recipe)
    augmentation = data.augmentation if recipe.augment else Augmentation(padding=0, flip=False)
    if views is not None:
        side, size = views.size, data.size
        require(size == (side, side), f"views.size={side}, but the images of {data.name} are {size[0]} x {size[1]}")
        plain = views == Views(size=side, padding=views.padding, flip=views.flip) and views.padding > 0
        augmentation = Augmentation(views.padding, views.flip) if plain else Augmentation(padding=0, flip=False)
        transforms = () if plain else transforms  # whole batches are cropped and flipped far faster than images
    return MemoryFeed(data, Batching(recipe.batch_size, transforms, sampling_order(recipe)), augmentation, share)


NAMES = {"mean": "mean", "std": "deviation"}


def input_notices(feed: Feed, scaled: str = "") -> tuple[str, ...]:
    """Return what a user should know of how images become the network's input: their size, and what is assumed.

    Args:
        feed: Yields the batches.
        scaled: How weights scale them, in words, if they do.
    """
    height, width = feed.transform.size
    sizes = sizes_in(feed)
    to = f": resized to {width} x {height}; --image-size N changes it"
    lines = [f"{sizes}{'' if sizes.size else to}"] if sizes else []
    if scaled:
        return *lines, scaled
    assumed = (
        [] if isinstance(feed, MemoryFeed) else [name for name in NAMES if not getattr(input_settings_of(feed), name)]
    )
    if assumed:
        flags = " and ".join(f"--{name}" for name in assumed)
        what = " and ".join(NAMES[name] for name in assumed)
        lines.append(f"input: normalised by ImageNet's {what}, the default; set {flags} for others")
    return tuple(lines)
