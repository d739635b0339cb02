"""What is done to image files: the evaluation side of a recipe's views, and the training side."""

from dataclasses import replace
from typing import TYPE_CHECKING

from senet.data import Balanced, Shuffled
from senet.data.loader.dataset import default_augmentation
from senet.data.sampling.batch_order import SamplingOrder
from senet.data.transforms.evaluation import SHARE, InputTransform
from senet.training.recipe.recipe import Recipe
from senet.training.recipe.settings import Views

if TYPE_CHECKING:
    from senet.data.transforms.augment import Transform

# Of ImageNet's training images, as torchvision and timm state it: photographs are alike enough.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def input_transform(views: Views) -> InputTransform:
    """Return the evaluation side of views: the centre of a larger image, all of it where views pad it."""
    resize = views.size if views.padding else int(views.size / SHARE)
    return InputTransform((views.size, views.size), resize, MEAN, STD)


def sampling_order(recipe: Recipe) -> SamplingOrder:
    """Return how an epoch visits the images."""
    orders: dict[str, SamplingOrder] = {"shuffle": Shuffled(), "balanced": Balanced()}
    return orders[recipe.sampling]


def train_transforms(recipe: Recipe) -> "tuple[Transform, ...]":
    """Return what is done to an image file, in order; empty where the recipe leaves it to the data."""
    from senet.data.transforms import augment

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


def small_image_transforms(transform: InputTransform, recipe: Recipe) -> "tuple[Transform, ...]":
    """Return what is done to small images in training: what suits them in memory, too."""
    from senet.data.transforms import augment

    if not recipe.augment:
        return (transform.cropped,)
    return (
        transform.cropped,
        augment.RandomCrop(transform.size, default_augmentation(transform.size).padding),
        augment.Flip(),
    )


def large_image_transforms(transform: InputTransform, recipe: Recipe) -> "tuple[Transform, ...]":
    """Return a recipe's transforms, whose crops resize as evaluation does."""
    from senet.data.transforms import augment

    def like(step: "Transform") -> "Transform":
        if isinstance(step, augment.RandomResizedCrop):
            return replace(step, interpolation=transform.interpolation)
        return step

    return tuple(map(like, train_transforms(recipe)))
