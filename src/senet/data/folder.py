"""Images in class folders: ``train/<class>/*.jpg`` with ``val/`` and/or ``test/`` beside it."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch

from senet.data.dataset import Augmentation, Raw, Split
from senet.data.images import EXTENSIONS, decode
from senet.errors import DataError, nearest

# Written by tools into data folders; never a class.
IGNORED = ("__MACOSX", "@eaDir")


def load_folder(root: Path, size: int | None) -> Raw:
    """Read an ImageFolder tree into memory.

    The class order is the sorted order of the folder names under ``train/``. Where only one of ``val/`` and
    ``test/`` exists, it is the test split and validation is carved from the training images.

    Args:
        root: The folder that holds ``train/``.
        size: Square size to bring all images to; None where they have one size already.

    Raises:
        DataError: A missing or empty folder, a class that train does not know, an unreadable image.
    """
    _require_folder(root / "train", f"{root} has no train/ folder")
    held_out = [name for name in ("val", "test") if (root / name).is_dir()]
    if not held_out:
        raise DataError(f"{root} has neither val/ nor test/", do="hold some images out in one of them")
    classes = _class_names(root / "train")
    if len(classes) < 2:
        raise DataError(f"{len(classes)} class folders; a classifier needs two", where=str(root / "train"))
    splits = [_read(root / name, classes, size) for name in ("train", *held_out)]
    padding = max(splits[0].images.shape[-1] // 8, 1)
    validation = splits[1] if len(held_out) == 2 else None
    return Raw(classes, splits[0], Augmentation(padding, flip=True), validation, splits[-1])


def _require_folder(path: Path, message: str) -> None:
    if not path.is_dir():
        raise DataError(message, do="lay the images out as train/<class>/*.jpg and test/<class>/*.jpg")


def _class_names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and not _hidden(p.name)))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in IGNORED


def _read(folder: Path, classes: tuple[str, ...], size: int | None) -> Split:
    index = {name: label for label, name in enumerate(classes)}
    files = [(path, index[name]) for name in _known(folder, index) for path in _images(folder / name)]
    if not files:
        raise DataError("no images", where=str(folder), do=f"images end in {' '.join(EXTENSIONS)}")
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(partial(decode, size=size), [path for path, _ in files]))
    for (path, _), image in zip(files, images, strict=True):
        _require_size(path, image, files[0][0], images[0])
    return Split(torch.stack(images), torch.tensor([label for _, label in files]))


def _known(folder: Path, index: dict[str, int]) -> tuple[str, ...]:
    names = _class_names(folder)
    for name in names:
        if name not in index:
            raise DataError(f"class {name!r} has no training images", where=str(folder), do=nearest(name, index))
    return names


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS and not _hidden(p.name))


def _require_size(path: Path, image: torch.Tensor, first: Path, reference: torch.Tensor) -> None:
    if image.shape != reference.shape:
        raise DataError(
            f"images differ in size: {_size(reference)} in {first.name}, {_size(image)} in {path.name}",
            where=str(path),
            do="pass --image-size N to bring all to N x N pixels",
        )


def _size(image: torch.Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"
