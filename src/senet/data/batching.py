"""How an epoch is made of a training split: batch size, order, and what happens to each image."""

from dataclasses import dataclass

from PIL import Image

from senet.data.augment import Transform
from senet.data.order import Order, Shuffled
from senet.errors import UsageError

SHUFFLED = Shuffled()


@dataclass(frozen=True)
class Batching:
    """The training side of a feed.

    Args:
        batch_size: Images a step.
        transforms: Done to each image, one after the other.
        order: How an epoch visits the images.
    """

    batch_size: int = 32
    transforms: tuple[Transform, ...] = ()
    order: Order = SHUFFLED

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"batch_size={self.batch_size} is below 1")

    def transformed(self, image: Image.Image) -> Image.Image:
        """Apply the transforms; what they draw is the global generators'."""
        for transform in self.transforms:
            image = transform(image)
        return image
