"""Images and folders for the tests: pictures that differ, and files that only claim to be pictures."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from senet.data.images.decode import MAX_PIXELS
from senet.data.images.inspect import inspect_image
from senet.data.loader.decode import decode_pixels, resize_function
from senet.data.loader.fetch import Fetcher
from senet.data.loader.open_stream import open_folder
from senet.data.loader.samples import pack_paths
from senet.data.loader.stream_split import Loading
from senet.data.sampling.batch_order import Batching
from senet.data.transforms.augment import Flip, RandomResizedCrop
from senet.data.transforms.evaluation import InputTransform

TRANSFORM = InputTransform((16, 16), 18, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
STANDARD = (RandomResizedCrop(16), Flip())


def scene(seed, height=24, width=32):
    """A smooth picture that no other seed has."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def photo(path, seed, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    scene(seed).save(path, **options)
    return path


def folder(root, train=6, test=3, classes=("cat", "dog"), held_out=("test",)):
    """A data folder in which no two images are alike."""
    seed = 0
    for split, count in (("train", train), *((name, test) for name in held_out)):
        for name in classes:
            for i in range(count):
                photo(root / split / name / f"{i:02}.jpg", seed, quality=95)
                seed += 1
    return root


def feed(root, batch_size=4, transforms=STANDARD, share=0.0, **loading):
    return open_folder(root, TRANSFORM, Batching(batch_size, transforms), Loading(**loading), share)


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *extra):
    """A PNG file; with sizes beyond 100, a header without the pixels that it claims."""
    rows = b"".join(b"\x00" + bytes(3 * width) for _ in range(height)) if width <= 100 else b""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = (head, *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def decode(path, size=None):
    """Read an image file as a data set in memory has it."""
    return decode_pixels(Fetcher(pack_paths(path.parent, [path])), resize_function(size), "fail", 0)


def look(path, max_pixels=MAX_PIXELS):
    """Look at an image file as a check does."""
    return inspect_image(path.read_bytes, path.suffix, max_pixels)
