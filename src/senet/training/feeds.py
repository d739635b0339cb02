"""Open the data of a run: in memory where it is small, else decoded as it goes, in batches as the recipe asks."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from senet.data import DataSettings, Loading, load, open_folder, open_source
from senet.data.batching import Batching
from senet.data.small import fits_in_memory
from senet.data.split import SPLIT_SEED, share_of
from senet.data.transform import SHARE, SIZE, InputTransform
from senet.errors import UsageError
from senet.training.checks import require
from senet.training.feeding import memory_feed, order_of, transforms_of
from senet.training.recipe import Recipe
from senet.training.settings import Views

if TYPE_CHECKING:
    from senet.data import Feed, StreamFeed
    from senet.data.augment import Transform

FOLDER, SHARDS = "folder:", "shards:"
# Of ImageNet's training images, as torchvision and timm state it: photographs are alike enough.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LOADING = Loading()


@dataclass(frozen=True)
class FeedSettings:
    """Which data, and how it is read.

    Args:
        data: Source and share; ``image_size`` is the network's input, for folders.
        loading: Of images that are decoded as they go; its share goes for all data.
        in_memory: Whether a folder is decoded once and kept; None: where its images are small, of one size and
            no views ask for another.
    """

    data: DataSettings
    loading: Loading = LOADING
    in_memory: bool | None = None


def open_feed(settings: FeedSettings, recipe: Recipe) -> "Feed":
    """Open the data.

    Raises:
        UsageError: An unknown source, or settings that contradict the recipe.
        DataError: The data is missing or not what it says.
    """
    source = settings.data.source
    if source.startswith(SHARDS):
        return _shards_feed(settings, recipe)
    if not source.startswith(FOLDER):
        require(settings.in_memory is not False, f"{source} is small: it is kept in memory")
        return memory_feed(load(settings.data), recipe, settings.loading.share)
    root = Path(source.removeprefix(FOLDER)).expanduser()
    keep = settings.in_memory
    if keep is None:
        keep = settings.data.image_size is None and settings.loading.on_error == "fail" and fits_in_memory(root)
    if keep:
        return memory_feed(load(settings.data), recipe, settings.loading.share)
    return _folder_feed(root, settings, recipe)


def _folder_feed(root: Path, settings: FeedSettings, recipe: Recipe) -> "StreamFeed":
    transform, batching = _streamed(settings, recipe)
    return _share(open_folder(root, transform, batching, settings.loading), settings.data.train_fraction)


def _shards_feed(settings: FeedSettings, recipe: Recipe) -> "Feed":
    fraction = settings.data.train_fraction
    require(settings.in_memory is not True, "shards are decoded as they go, not kept in memory")
    require(fraction == 1, f"train_fraction={fraction}: shards are read whole", do="pack the images that you want")
    transform, batching = _streamed(settings, recipe)
    return open_source(settings.data.source, transform, batching, settings.loading)


def _streamed(settings: FeedSettings, recipe: Recipe) -> tuple[InputTransform, Batching]:
    """Return both sides of images that are decoded as they go: how they are scored, how they are trained on."""
    views = _views(recipe, settings.data.image_size)
    transform = input_transform(views)
    transforms = transforms_of(replace(recipe, views=views)) if recipe.augment else _unaugmented(transform)
    return transform, Batching(recipe.batch_size, transforms, order_of(recipe))


def _views(recipe: Recipe, size: int | None) -> Views:
    """Return the recipe's views, or the usual crops of photographs."""
    if recipe.views is None:
        return Views(size=size or SIZE)
    require(size in (None, recipe.views.size), f"views.size={recipe.views.size} and image_size={size} are not the same")
    return recipe.views


def input_transform(views: Views) -> InputTransform:
    """Return the evaluation side of views: the centre of a larger image, all of it where views pad it."""
    resize = views.size if views.padding else int(views.size / SHARE)
    return InputTransform((views.size, views.size), resize, MEAN, STD)


def _unaugmented(transform: InputTransform) -> "tuple[Transform, ...]":
    return (transform.cropped,)


def _share(feed: "StreamFeed", fraction: float) -> "StreamFeed":
    if fraction == 1:
        return feed
    if not 0 < fraction < 1:
        raise UsageError(f"train_fraction={fraction} is not in (0, 1]")
    kept = share_of(feed.train.labels, fraction, SPLIT_SEED, "train")
    return replace(feed, train=feed.train.subset(kept.nonzero().flatten()))
