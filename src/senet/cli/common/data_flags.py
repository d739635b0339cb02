"""The flags that say which data, alike in every command; parsing them must not import torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from senet.cli.common.input_flags import DEFAULT_INPUT_FLAGS, InputFlags

if TYPE_CHECKING:
    from senet.data import DataConfig
    from senet.data.sources.source import Source

GROUP = Group("Data")
IN_MEMORY = {"auto": None, "yes": True, "no": False}


@Parameter(group=GROUP)
@dataclass(frozen=True)
class DataSourceFlags:
    """Where named data sets lie, and what is held out of any.

    Args:
        data_dir: Folder of the named data sets, such as cifar10.
        download: Download a named data set that is missing.
        val_fraction: Hold out this stratified share of the training images as val, where the data has no val split; the
            same images in every command.
    """

    data_dir: Path = Path("data")
    download: bool = False
    val_fraction: float | None = None

    def open_source(self, name: str) -> "Source":
        """Open a source by its name."""
        from senet.data import DataConfig, open_data

        return open_data(DataConfig(name, str(self.data_dir), self.download, val_fraction=self.val_fraction))

    def open_source_or_path(self, name: str) -> "Source":
        """Open a source by its name, or by the path of a folder that holds class folders or shards."""
        from senet.cli.common.notes import note
        from senet.data import SOURCES
        from senet.data.sources.open_data import read_source, source_name
        from senet.errors import UsageError

        path = Path(name).expanduser()
        if name in SOURCES and path.is_dir():
            note(f"{name} is the data set; the folder of this name is folder:{name}")
        try:
            parsed = read_source(name)
        except UsageError:
            if "://" in name:
                raise
            parsed = source_name(path)
        return self.open_source(str(parsed))


DEFAULT_SOURCE_FLAGS = DataSourceFlags()


@Parameter(group=GROUP)
@dataclass(frozen=True)
class DataFlags:
    """How the data that is trained on is read.

    Args:
        source_flags: Where named data sets lie.
        train_fraction: Stratified share of the training images to use; by default 1, but 0.1 of digits in senet
            compare.
        image_size: Height and width of the network's input, for image files; by default the size of most of them if
            that is at most 64 x 64, else 224.
        in_memory: Decode image files once and keep them in memory; auto: if most are at most 64 x 64, and all fit.
        on_error: Images that cannot be read: fail stops, skip leaves them out and reports them.
        input: What the network's input is.
    """

    source_flags: Annotated[DataSourceFlags, Parameter(name="*")] = DEFAULT_SOURCE_FLAGS
    train_fraction: float | None = None
    image_size: int | None = None
    in_memory: Literal["auto", "yes", "no"] = "auto"
    on_error: Literal["fail", "skip"] = "fail"
    input: Annotated[InputFlags, Parameter(name="*")] = DEFAULT_INPUT_FLAGS

    def settings(self, source: str, fraction: float = 1.0) -> "DataConfig":
        """Return which data, as the library takes it.

        Args:
            source: Its name.
            fraction: Of the training images, where no flag says it.
        """
        from senet.data import DataConfig

        share = fraction if self.train_fraction is None else self.train_fraction
        flags = self.source_flags
        keep = IN_MEMORY[self.in_memory]
        return DataConfig(
            source,
            str(flags.data_dir),
            flags.download,
            share,
            self.image_size,
            keep,
            val_fraction=flags.val_fraction,
            input=self.input.settings(),
        )


DEFAULT_DATA_FLAGS = DataFlags()
