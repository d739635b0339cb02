"""Shards for the tests, written with tarfile alone: pictures that carry their own number."""

import io
import tarfile

import numpy as np

from senet.data.loader.open_stream import open_shards
from senet.data.loader.stream_split import Loading
from senet.data.sampling.batch_order import Batching
from senet.data.transforms.evaluation import InputTransform

SMALL = InputTransform((2, 2), 2, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def picture(number):
    """A PPM of 2 x 2 pixels, each the number in base 256."""
    return b"P6 2 2 255\n" + bytes((number >> 16, number >> 8 & 255, number & 255)) * 4


def numbers(images):
    """Read the numbers off a batch of pictures, (B, 3, 2, 2) uint8."""
    pixels = images[:, :, 0, 0].numpy().astype(np.int64)
    return (pixels @ (65536, 256, 1)).tolist()


def add(archive, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def tar(path, members):
    """Write (name, bytes) pairs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            add(archive, name, data)
    return path


def sample(number, label=None):
    return (f"{number:06}.ppm", picture(number)), (
        f"{number:06}.cls",
        str(number % 2 if label is None else label).encode(),
    )


def shards(root, count=40, each=5, test=4):
    """Plain WebDataset: ``count`` training shards of ``each`` samples, and one test shard."""
    for i in range(count):
        tar(root / f"train-{i:05}.tar", [m for n in range(i * each, (i + 1) * each) for m in sample(n)])
    first = count * each
    tar(root / "test-00000.tar", [m for n in range(first, first + test) for m in sample(n)])
    return root


def opened(root, batch_size=8, share=0.0, batching=None, **loading):
    return open_shards(root, SMALL, batching or Batching(batch_size), Loading(**loading), share)
