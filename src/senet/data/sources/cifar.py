"""CIFAR from its "python version" archive. Its files are pickles: no byte is unpickled before its checksum is right."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from senet.data.loader.dataset import Augmentation, Raw, Split
from senet.errors import DataError


def load_cifar10(data_dir: Path, download: bool) -> Raw:
    """50,000 training and 10,000 test images of 32 x 32 in 10 classes (Krizhevsky 2009)."""
    from torchvision.datasets import CIFAR10

    return _cifar(CIFAR10, data_dir, download)


def load_cifar100(data_dir: Path, download: bool) -> Raw:
    """As CIFAR-10, in 100 classes."""
    from torchvision.datasets import CIFAR100

    return _cifar(CIFAR100, data_dir, download)


def _cifar(kind: Any, data_dir: Path, download: bool) -> Raw:
    try:
        # torchvision compares the checksums before it reads the pickles.
        train, test = (kind(str(data_dir), train=part, download=download) for part in (True, False))
    except RuntimeError as error:
        raise _not_whole(kind, data_dir) from error
    splits = [Split(_nchw(part.data), torch.tensor(part.targets)) for part in (train, test)]
    return Raw(tuple(train.classes), splits[0], Augmentation(padding=4, flip=True), test=splits[1])


def _nchw(images: Any) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def _not_whole(kind: Any, data_dir: Path) -> DataError:
    """Name the file that is cut or changed; say how to get the data if none is there."""
    from torchvision.datasets.utils import calculate_md5

    files = [(data_dir / kind.filename, kind.tgz_md5)]
    files += [(data_dir / kind.base_folder / name, md5) for name, md5 in kind.train_list + kind.test_list]
    for path, expected in files:
        if path.is_file() and (found := calculate_md5(path)) != expected:
            do = "delete it and fetch it again (--download)"
            return DataError(f"expected md5 {expected}, got {found}", where=str(path), do=do)
    do = "pass --data-dir, or --download to fetch it"
    return DataError(f"{kind.__name__} is not here or not whole", where=str(data_dir), do=do)
