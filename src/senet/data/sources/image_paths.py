"""Images that a user names one by one or by the folder, without classes."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from senet.data.images.decode import EXTENSIONS
from senet.data.loader.samples import PathSamples, Samples, pack_names
from senet.data.shards.layout import is_sharded
from senet.data.sources.folder_tree import SkippedFile, images_below
from senet.data.sources.open_data import read_source
from senet.data.unused import Unused, group_unused
from senet.errors import DataError, UsageError
from senet.utils.text import printable


@dataclass(frozen=True)
class ImagePaths:
    """Images to look at.

    Args:
        samples: All of them; of files and folders as the user wrote them, folders followed by what lies in them.
        unused: What lies in the folders beside them.
    """

    samples: Samples
    unused: tuple[Unused, ...] = ()

    @property
    def longest(self) -> int:
        """Characters of the longest name."""
        return max((len(self.samples.name(i)) for i in range(len(self.samples))), default=0)


def find_images(named: Sequence[Path]) -> ImagePaths:
    """Find the images of files and folders, in the order given, within a folder sorted by code point.

    A file is taken whatever its name ends in; in a folder, names that end as images do.

    Raises:
        DataError: Something that is not there, a folder without images.
    """
    skipped: list[SkippedFile] = []
    found = _as_given(path for one in named for path in _images(one.expanduser(), skipped))
    return ImagePaths(found, group_unused((one.why, "", str(one.path)) for one in skipped))


def _images(path: Path, skipped: list[SkippedFile]) -> Iterable[Path]:
    if not path.is_dir():
        if not os.path.lexists(path):
            raise DataError("no such image or folder", where=printable(path), do=_meant(path))
        return [path]
    found, left = images_below(path)
    skipped += left
    if not found:
        ends = f"images end in {' '.join(EXTENSIONS)}"
        do = f"for shards write --data shards:{path}" if is_sharded(path) else ends
        raise DataError("no images in the folder", where=printable(path), do=do)
    return found


def _meant(path: Path) -> str:
    """Say what to write for a path that is not there; a path has lost a slash of an address."""
    try:
        return "a data set is named by --data" if ":/" in str(path) else f"write --data {read_source(str(path))}"
    except UsageError:
        return "check the path; a data set is named by --data"


def _as_given(paths: Iterable[Path]) -> PathSamples:
    # Joined to an empty root, a relative path stays relative and an absolute one absolute.
    return PathSamples(Path(), pack_names(map(str, paths)))
