"""Read a data source's name, once: ``digits``, ``folder:PATH``, ``list:FILE.csv``, ``shards:PATH or ADDRESS``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from senet.data.images.sizes import ImageSizes
from senet.data.shards.layout import has_other_folders, is_sharded
from senet.data.sources.builtin import SOURCES, NamedSource
from senet.data.sources.source import Source
from senet.data.sources.val_fraction import ValFractionSource
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings, flag_of
from senet.errors import UsageError, did_you_mean
from senet.utils.text import printable

LISTS = (".csv", ".tsv")
OTHERS = "folder:PATH, list:FILE.csv, shards:PATH, shards:ADDRESS"


@dataclass(frozen=True)
class SourceName:
    """A data source's name.

    Args:
        kind: Of the source.
        place: The data set's own name, a path, or an address.
    """

    kind: Literal["named", "folder", "shards", "list"]
    place: str

    def __str__(self) -> str:
        return self.place if self.kind == "named" else f"{self.kind}:{self.place}"

    def resolved(self) -> "SourceName":
        """Return the name with an absolute path, so that a process elsewhere reads the same files."""
        if self.kind == "named" or "://" in self.place:
            return self
        return replace(self, place=str(Path(self.place).expanduser().resolve()))


def read_source(text: str) -> SourceName:
    """Read a source's name.

    Raises:
        UsageError: No such data set or kind of source.
    """
    if text in SOURCES:
        return SourceName("named", text)
    kind, _, place = text.partition(":")
    if kind == "folder" and place:
        return SourceName("folder", place)
    if kind == "shards" and place:
        return SourceName("shards", place)
    if kind == "list" and place:
        return SourceName("list", place)
    raise UsageError(f"no data set is called {text!r}", do=_meant(text))


def _meant(text: str) -> str:
    """Say what may be meant by a name that no data set has."""
    if "://" in text:
        return f"for shards at an address write --data shards:{text}"
    path = Path(text).expanduser()
    if path.is_dir() or _is_list(path):
        name = source_name(path)
        return f"for {'shards' if name.kind == 'shards' else f'a {name.kind}'} write --data {name}"
    if path.name != text:
        return f"{printable(path)} is not there; a folder is named --data folder:PATH"
    return f"{did_you_mean(text, SOURCES)}; or {OTHERS}"


def _require_kind(name: SourceName) -> None:
    """Refuse shards that are called a folder, class folders that are called shards, lists and folders likewise."""
    path = Path(name.place).expanduser()
    if name.kind == "list" and path.is_dir():
        raise UsageError("a folder, not a list", where=printable(path), do=f"write --data {source_name(path)}")
    if name.kind != "list" and _is_list(path):
        raise UsageError("a list, not a folder", where=printable(path), do=f"write --data {source_name(path)}")
    if "://" in name.place or not path.is_dir():
        return
    other, sharded = has_other_folders(path), is_sharded(path)
    if name.kind == "folder" and sharded and not other:
        raise UsageError("shards, not class folders", where=printable(path), do=f"write --data shards:{path}")
    if name.kind == "shards" and not sharded and (other or (path / "train").is_dir()):
        raise UsageError("class folders, not shards", where=printable(path), do=f"write --data folder:{path}")


def source_name(path: Path) -> SourceName:
    """Return the name of the data that lies in a folder, class folders or shards; or of a list."""
    if _is_list(path):
        return SourceName("list", str(path))
    return SourceName("shards" if is_sharded(path) else "folder", str(path))


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in LISTS and path.is_file()


@dataclass(frozen=True)
class DataConfig:
    """Which data, and how much of it.

    Args:
        source: A key of :data:`SOURCES`, ``folder:PATH``, ``list:FILE.csv``, ``shards:PATH`` or ``shards:ADDRESS``.
        data_dir: Where named data sets lie or are downloaded to.
        download: Whether they may be fetched.
        train_fraction: Stratified share of the training split to train on, in (0, 1].
        image_size: Square size of the network's input, for image files.
        in_memory: Whether image files are decoded once and kept; None: where they are few and small.
        val_fraction: Stratified share of the training images that is held out as val, of a source without a val split,
            in (0, 1).
        input: What is said of the network's input over what the data is.
        sizes: What the headers of image files say; None: they are read.
    """

    source: str = "digits"
    data_dir: str = "data"
    download: bool = False
    train_fraction: float = 1.0
    image_size: int | None = None
    in_memory: bool | None = None
    val_fraction: float | None = None
    input: InputSettings = NO_INPUT_SETTINGS
    sizes: ImageSizes | None = None


def open_data(settings: DataConfig) -> Source:
    """Open what the settings name, to be read split by split; nothing is decoded.

    Raises:
        UsageError: No such source, one of another kind, or an image size for images that have one.
    """
    source = _found(settings)
    return source if settings.val_fraction is None else ValFractionSource(source, settings.val_fraction)


def _found(settings: DataConfig) -> Source:
    name = read_source(settings.source)
    if name.kind != "named":
        _require_kind(name)
    if name.kind == "folder":
        from senet.data.sources.image_folder import FolderSource  # a source imports what reads it when it is opened

        return FolderSource(Path(name.place).expanduser())
    if name.kind == "list":
        from senet.data.sources.csv_list import ListSource

        return ListSource(Path(name.place).expanduser())
    if name.kind == "shards":
        from senet.data.shards.source import ShardSource

        return ShardSource(name.place)
    for flag in ("interpolation", "crop_pct"):
        if getattr(settings.input, flag) is not None:
            raise UsageError(f"{flag} is for image files; {name} has its own size", do=f"leave {flag_of(flag)} out")
    if settings.image_size is not None:
        raise UsageError(f"image_size is for image files; {name} has its own size", do="leave --image-size out")
    return NamedSource(name.place, Path(settings.data_dir).expanduser(), settings.download)


def resolved(settings: DataConfig) -> DataConfig:
    """Return the settings with absolute paths, so that a worker process elsewhere reads the same files."""
    source = str(read_source(settings.source).resolved())
    return replace(settings, source=source, data_dir=str(Path(settings.data_dir).expanduser().resolve()))
