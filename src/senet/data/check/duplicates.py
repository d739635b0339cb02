"""Images that a data set has more than once: in training and held out, within a split, under two labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senet.data.check.report import CheckFinding
from senet.data.images.inspect import THUMBNAIL, ImageInspection
from senet.utils.text import printable

# Mean difference, in levels of 255, of two thumbnails that are taken for the same picture. JPEG of quality 30
# moves the thumbnail of a photo by about one level; different photos are 15 and more apart, CIFAR's 5.
NEAR = 3.0
# A thumbnail whose pixels differ by less is a blank picture and like any other.
BLANK = 8


@dataclass(frozen=True)
class InspectedImage:
    """An image and what it looks like.

    Args:
        path: Its name.
        inspection: What was found in it.
        label: The name of its class.
    """

    path: str
    inspection: ImageInspection
    label: str = ""


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


def find_leaks(train: Sequence[InspectedImage], held_out: Sequence[InspectedImage]) -> Iterator[Leak]:
    """Yield held-out images that are in the training split, each once, with one example.

    Exact copies are found by SHA-256, others by nearly equal thumbnails of 8 x 8 pixels; blank ones are not compared.
    """
    by_digest = {seen.inspection.digest: seen.path for seen in reversed(train) if seen.inspection.digest}
    rest = []
    for seen in held_out:
        if seen.inspection.digest in by_digest:
            yield Leak(seen.path, by_digest[seen.inspection.digest], exact=True)
        else:
            rest.append(seen)
    yield from _similar(_readable(train), _readable(rest))


def find_similar(images: Sequence[InspectedImage]) -> Iterator[tuple[str, str]]:
    """Yield the names of images that look like an earlier one, each once, with that one's; none is a copy."""
    known = _readable(images)
    thumbnails = _thumbnails(known)
    for at, near in _near(thumbnails, thumbnails, earlier=True):
        yield known[at].path, known[near].path


def _readable(images: Iterable[InspectedImage]) -> list[InspectedImage]:
    return [seen for seen in images if seen.inspection.thumbnail and _spread(_pixels(seen)) > BLANK]


def _spread(pixels: NDArray[np.uint8]) -> int:
    return int(np.ptp(pixels.reshape(-1, 3), axis=0).max())  # of each channel: one colour is blank, whichever it is


def _pixels(seen: InspectedImage) -> NDArray[np.uint8]:
    return np.frombuffer(seen.inspection.thumbnail, np.uint8)


def _similar(train: Sequence[InspectedImage], held_out: Sequence[InspectedImage]) -> Iterator[Leak]:
    for at, near in _near(_thumbnails(train), _thumbnails(held_out)):
        yield Leak(held_out[at].path, train[near].path, exact=False)


def _thumbnails(images: Sequence[InspectedImage]) -> NDArray[np.int16]:
    return np.stack([_pixels(seen) for seen in images]).astype(np.int16) if images else np.empty((0, 0), np.int16)


def _near(known: NDArray[np.int16], looked_at: NDArray[np.int16], earlier: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the numbers of thumbnails that are near a known one, and the nearest's; of earlier ones alone if asked."""
    if not len(known) or not len(looked_at):
        return
    outline = known @ OUTLINE.T
    order = outline[:, 0].argsort(kind="stable")
    outline = outline[order]
    for at, pixels in enumerate(looked_at):
        candidates = order[_alike(outline, pixels @ OUTLINE.T)]
        near = _nearest(known, candidates[candidates < at] if earlier else candidates, pixels)
        if near is not None:
            yield at, near


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


def leak_findings(train: Sequence[InspectedImage], held: Sequence[InspectedImage]) -> Iterator[CheckFinding]:
    """Yield held-out images that the training images have too."""
    labels = {seen.path: seen.label for seen in (*train, *held)}
    for leak in find_leaks(train, held):
        other = _other_label(labels, leak.train, leak.held_out)
        if leak.exact:
            yield CheckFinding("leak", "error", leak.held_out, f"the same file as {printable(leak.train)}{other}")
        else:
            yield CheckFinding(
                "near-leak", "error", leak.held_out, f"looks like {printable(leak.train)}, encoded again{other}"
            )


def duplicate_findings(images: Sequence[InspectedImage]) -> Iterator[CheckFinding]:
    """Yield images of one split that it has before: under another label an error where they are the same file.

    Pictures that only look alike are a note: one of two frames of a film may well be of another class.
    """
    labels = {seen.path: seen.label for seen in images}
    first: dict[str, InspectedImage] = {}
    for seen in images:
        before = first.setdefault(seen.inspection.digest, seen) if seen.inspection.digest else seen
        if before is seen:
            continue
        if other := _other_label(labels, before.path, seen.path):
            yield CheckFinding("two-labels", "error", seen.path, f"the same file as {printable(before.path)}{other}")
        else:
            yield CheckFinding("duplicate", "note", seen.path, f"the same file as {printable(before.path)}")
    for one, before_it in find_similar(list(first.values())):
        other = _other_label(labels, before_it, one)
        kind = "near-two-labels" if other else "near-duplicate"
        yield CheckFinding(kind, "note", one, f"looks like {printable(before_it)}, encoded again{other}")


def _other_label(labels: Mapping[str, str], one: str, other: str) -> str:
    """Say that two images differ in their labels; nothing where they do not."""
    if labels[one] == labels[other]:
        return ""
    return f", under another label: {printable(labels[other])}, not {printable(labels[one])}"


def inspected_images(
    images: Mapping[str, Sequence[str]], inspections: Mapping[str, ImageInspection]
) -> list[InspectedImage]:
    """Return what was seen of a split's images, by class."""
    return [InspectedImage(name, inspections[name], label) for label, names in images.items() for name in names]
