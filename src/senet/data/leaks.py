"""Images of a held-out split that training sees too: byte for byte, or encoded again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senet.data.look import THUMBNAIL, Look

# Mean difference, in levels of 255, of two thumbnails that are taken for the same picture. JPEG of quality 30
# moves the thumbnail of a photo by about one level; different photos are 15 and more apart, CIFAR's 5.
NEAR = 3.0
# A thumbnail whose pixels differ by less is a blank picture and like any other.
BLANK = 8


@dataclass(frozen=True)
class Seen:
    """An image and what it looks like.

    Args:
        path: Its name.
        look: What was found in it.
    """

    path: str
    look: Look


@dataclass(frozen=True)
class Leak:
    """A held-out image that is a training image.

    Args:
        held_out: Its name.
        train: The training image's.
        exact: Whether the bytes are equal.
    """

    held_out: str
    train: str
    exact: bool


def leaks(train: Sequence[Seen], held_out: Sequence[Seen]) -> Iterator[Leak]:
    """Yield held-out images that are in the training split, each once, with one example.

    Exact copies are found by SHA-256, others by nearly equal thumbnails of 8 x 8 pixels; blank ones are not compared.
    """
    by_digest = {seen.look.digest: seen.path for seen in reversed(train) if seen.look.digest}
    rest = []
    for seen in held_out:
        if seen.look.digest in by_digest:
            yield Leak(seen.path, by_digest[seen.look.digest], exact=True)
        else:
            rest.append(seen)
    yield from _similar(_readable(train), _readable(rest))


def _readable(images: Iterable[Seen]) -> list[Seen]:
    return [seen for seen in images if seen.look.thumbnail and np.ptp(_pixels(seen)) > BLANK]


def _pixels(seen: Seen) -> NDArray[np.uint8]:
    return np.frombuffer(seen.look.thumbnail, np.uint8)


def _similar(train: Sequence[Seen], held_out: Sequence[Seen]) -> Iterator[Leak]:
    if not train or not held_out:
        return
    known = np.stack([_pixels(seen) for seen in train]).astype(np.int16)
    outline = known @ OUTLINE.T
    order = outline[:, 0].argsort(kind="stable")
    outline = outline[order]
    for seen in held_out:
        pixels = _pixels(seen).astype(np.int16)
        near = _nearest(known, order[_alike(outline, pixels @ OUTLINE.T)], pixels)
        if near is not None:
            yield Leak(seen.path, train[near].path, exact=False)


def _outline() -> NDArray[np.float32]:
    """Return four weightings of a thumbnail's 192 values: all, left - right, top - bottom, red - blue.

    No weight is beyond 1/192, so no weighted sum of two thumbnails differs by more than the thumbnails themselves:
    the candidates that they leave are all that there are.
    """
    side, channels = np.ones(THUMBNAIL), np.ones(3)
    halves = np.where(np.arange(THUMBNAIL) < THUMBNAIL // 2, 1, -1)
    weights = ((side, side, channels), (side, halves, channels), (halves, side, channels), (side, side, (1, 0, -1)))
    outer = [np.einsum("i,j,k->ijk", *map(np.asarray, parts)).ravel() for parts in weights]
    return np.asarray(np.stack(outer) / outer[0].size, np.float32)


OUTLINE = _outline()


def _alike(outline: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rows, sorted by their first column, that are near in all four."""
    reach = NEAR + 1e-3  # rounding
    first, last = np.searchsorted(outline[:, 0], (one[0] - reach, one[0] + reach))
    return np.flatnonzero((np.abs(outline[first:last] - one) <= reach).all(axis=1)) + int(first)


def _nearest(known: NDArray[np.int16], candidates: NDArray[np.int64], one: NDArray[np.int16]) -> int | None:
    if not len(candidates):
        return None
    distance = np.abs(known[candidates] - one).mean(axis=1)
    best = int(distance.argmin())
    return int(candidates[best]) if distance[best] <= NEAR else None
