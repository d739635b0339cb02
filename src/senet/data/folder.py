"""Images in class folders: ``train/<class>/*.jpg`` with ``val/`` and/or ``test/`` beside it, read into memory."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch

from senet.data.classes import class_map, require_known
from senet.data.dataset import Augmentation, Raw, Split
from senet.data.images import EXTENSIONS, decode, quiet
from senet.data.tree import Tree, held_out, scan
from senet.errors import DataError
from senet.text import plain

logger = logging.getLogger("senet")
FEW = 5  # names in a message


def load_folder(root: Path, size: int | None) -> Raw:
    """Read an ImageFolder tree into memory.

    The class map is the sorted order of the folder names under ``train/``; other splits follow it by name. Where
    only one of ``val/`` and ``test/`` exists, it is the test split and validation is carved from the training
    images.

    Args:
        root: The folder that holds ``train/``. Archives are not read.
        size: Square size to bring all images to; None where they have one size already.

    Raises:
        DataError: A missing or empty folder, a class that train does not know, an unreadable image.
    """
    names = held_out(root)
    trees = [scan(root / name) for name in ("train", *names)]
    classes = class_map(trees[0].classes, where=str(root / "train"))
    splits = [_read(tree, classes, size) for tree in trees]
    padding = max(splits[0].images.shape[-1] // 8, 1)
    validation = splits[1] if len(names) == 2 else None
    return Raw(classes, splits[0], Augmentation(padding, flip=True), validation, splits[-1])


def labelled(tree: Tree, classes: Sequence[str]) -> list[tuple[Path, int]]:
    """Return a split's images with their labels by a class map, in the order of the map's names.

    Raises:
        DataError: A folder that the map does not know or that cannot be read, or no images at all.
    """
    require_known(tree.classes, classes, where=plain(tree.folder))
    for passed in tree.passed:
        if passed.why == "unreadable":  # its images would be missing without a word
            raise DataError("a folder that cannot be read", where=plain(passed.path), do="mend its permissions")
    without = [name for name in classes if not tree.images.get(name)]
    if without:
        logger.warning("%s has no images of %s accuracy is n/a", plain(tree.folder), _enumerated(without))
    files = [(path, label) for label, name in enumerate(classes) for path in tree.images.get(name, ())]
    if not files:
        raise DataError("no images", where=plain(tree.folder), do=f"images end in {' '.join(EXTENSIONS)}")
    return files


def _enumerated(names: Sequence[str]) -> str:
    shown = ", ".join(repr(plain(name)) for name in names[:FEW])
    more = f" and {len(names) - FEW:,} more classes" if len(names) > FEW else ""
    return f"{shown}{more}; {'its' if len(names) == 1 else 'their'}"


def _read(tree: Tree, classes: tuple[str, ...], size: int | None) -> Split:
    files = labelled(tree, classes)
    with quiet(), ThreadPoolExecutor() as pool:
        images = list(pool.map(partial(decode, size=size), [path for path, _ in files]))
    for (path, _), image in zip(files, images, strict=True):
        _require_size(path, image, files[0][0], images[0])
    return Split(torch.stack(images), torch.tensor([label for _, label in files]))


def _require_size(path: Path, image: torch.Tensor, first: Path, reference: torch.Tensor) -> None:
    if image.shape != reference.shape:
        raise DataError(
            f"images differ in size: {_size(reference)} in {plain(first.name)}, {_size(image)} in {plain(path.name)}",
            where=plain(path),
            do="pass --image-size N to bring all to N x N pixels",
        )


def _size(image: torch.Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"
