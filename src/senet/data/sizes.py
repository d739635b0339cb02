"""The size that training takes of image files: that of most of them, whatever flags say of other things."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from senet.data.headers import Size, count_sizes
from senet.data.samples import Samples

SIDE = 64  # larger images are photographs, of many sizes, and most networks for them take 224 x 224


@dataclass(frozen=True)
class Sizes:
    """What the headers of a source's images say, before any share of a split is taken.

    Args:
        size: Height and width of more than half of the training images, if neither is above :data:`SIDE`; None where
            they have no such size.
        images: Of all splits; 0 where there is no such size.
        resized: Of these, images of another size.
        why: Why there is no such size, as the end of a sentence; empty where there is one.
    """

    size: tuple[int, int] | None = None
    images: int = 0
    resized: int = 0
    why: str = ""

    def __str__(self) -> str:
        if self.size is None:
            return f"images {self.why}"
        alike = self.images - self.resized
        verb = "is" if self.resized == 1 else "are"
        of = f"{alike:,} of {self.images:,}; {self.resized:,} {verb} resized" if self.resized else f"all {alike:,}"
        return f"images are {self.size[1]} x {self.size[0]} ({of})"


def sizes_of(splits: Sequence[Samples]) -> Sizes:
    """Read the headers of images and say which size most have.

    Grey and colour are one size; EXIF orientation turns nothing, as everywhere; wide and high are two sizes.

    Args:
        splits: The training images first, which decide; then those that are held out.
    """
    train = count_sizes(splits[0], lambda found: 2 * _large(found) >= len(splits[0]))
    images = train.total()
    if 2 * _large(train) >= images:
        return Sizes(why=_of_large(train) if images else "have headers that cannot be read")
    most = min(train, key=lambda size: (-train[size], size))
    number = train[most]
    if 2 * number <= images or max(most) > SIDE:
        width, height = most
        frequent = f"the most frequent is {width} x {height} ({number:,} of {images:,})"
        return Sizes(why=f"have no size that most of them share; {frequent}")
    counts = [train, *(count_sizes(held, lambda found: False) for held in splits[1:])]
    total, alike = (sum(numbers) for numbers in zip(*((one.total(), one[most]) for one in counts), strict=True))
    return Sizes((most[1], most[0]), total, total - alike)


def _large(found: Counter[Size]) -> int:
    return sum(number for size, number in found.items() if max(size) > SIDE)


def _of_large(train: Counter[Size]) -> str:
    if len(train) == 1:
        width, height = next(iter(train))
        return f"are {width} x {height}, larger than {SIDE} x {SIDE}"
    return f"are larger than {SIDE} x {SIDE}, most of them"
