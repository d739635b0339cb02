"""Whether a folder's images are worth keeping in memory: small, of one size, and not too many."""

from pathlib import Path

from PIL import Image

from senet.data.images import quiet
from senet.data.tree import held_out, scan

SIDE = 64  # larger images are decoded as they go: most are photographs, of many sizes
BYTES = 2**31
LOOKED_AT = 200


def fits_in_memory(root: Path) -> bool:
    """Look at the headers of some images and return whether all of the folder should be kept decoded.

    Args:
        root: The folder that holds ``train/`` and ``val/`` or ``test/``.

    Raises:
        DataError: It does not.
    """
    trees = [scan(root / name) for name in ("train", *held_out(root))]
    paths = [path for tree in trees for images in tree.images.values() for path in images]
    sizes = {_size(path) for path in paths[:: max(len(paths) // LOOKED_AT, 1)]}
    if len(sizes) != 1 or None in sizes:
        return False
    (width, height), *_ = [size for size in sizes if size]
    return max(width, height) <= SIDE and len(paths) * width * height * 3 <= BYTES


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with quiet(), Image.open(path) as image:
            return image.size
    except Exception:  # a decoder of hostile bytes may raise anything; whoever reads the pixels names the file
        return None
