"""Fashion-MNIST from its IDX files, as Debian packages them, as the authors publish them, as torchvision keeps them."""

import gzip
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from senet.data.loader.dataset import Augmentation, Raw, Split
from senet.errors import DataError

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def load_fashion_mnist(data_dir: Path, download: bool) -> Raw:
    """Read 60,000 training and 10,000 test images of 28 x 28 (Xiao et al. 2017, arXiv 1708.07747).

    Args:
        data_dir: Folder with the four IDX files, or torchvision's root above ``FashionMNIST/raw``.
        download: Whether torchvision may fetch them into data_dir.

    Raises:
        DataError: Not there, or not whole.
    """
    if download:
        from torchvision.datasets import FashionMNIST

        FashionMNIST(str(data_dir), download=True)
    folder = _find(data_dir)
    train, test = (
        Split(
            read_idx(folder, f"{part}-images-idx3-ubyte", 3)[:, None],
            read_idx(folder, f"{part}-labels-idx1-ubyte", 1).long(),
        )
        for part in ("train", "t10k")
    )
    return Raw(CLASSES, train, Augmentation(padding=2, flip=True), test=test)


def _find(data_dir: Path) -> Path:
    for folder in (data_dir, data_dir / "FashionMNIST" / "raw", DEBIAN):
        if any(folder.glob("train-images-idx3-ubyte*")):
            return folder
    raise DataError(
        "the Fashion-MNIST files are not here",
        where=f"{data_dir} and {DEBIAN}",
        do="install Debian's dataset-fashion-mnist, pass --data-dir, or --download",
    )


def read_idx(folder: Path, name: str, dims: int) -> Tensor:
    """Read a uint8 IDX file, plain or gzipped.

    Args:
        folder: Where it lies.
        name: Without ``.gz``.
        dims: Axes that it must have.

    Raises:
        DataError: Missing, of another kind, or cut off.
    """
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise DataError(f"{name} is missing", where=str(folder))
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"cannot unpack: {error}", where=str(path), do="fetch the file again") from error
    head = 4 + 4 * dims
    shape = tuple(int(n) for n in np.frombuffer(data[4:head], ">u4"))
    if data[:4] != bytes((0, 0, 8, dims)) or len(data) != head + math.prod(shape):
        raise DataError(f"not a whole IDX file of {dims} axes", where=str(path), do="fetch the file again")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=head).reshape(shape).copy())
