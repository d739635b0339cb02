"""The flags that say which data, alike in every command; parsing them must not import torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from senet.data import DataSettings
    from senet.data.source import Source

GROUP = Group("Data")
KEEP = {"auto": None, "yes": True, "no": False}


@Parameter(group=GROUP)
@dataclass(frozen=True)
class PlaceFlags:
    """Where named data sets lie.

    Args:
        data_dir: Where named data sets lie.
        download: Fetch a named data set that is not there.
    """

    data_dir: Path = Path("data")
    download: bool = False

    def source(self, name: str) -> "Source":
        """Open a source by its name."""
        from senet.data import DataSettings, open_data

        return open_data(DataSettings(name, str(self.data_dir), self.download))

    def source_or_path(self, name: str) -> "Source":
        """Open a source by its name, or by the path of a folder that holds class folders or shards."""
        from senet.cli.notes import note
        from senet.data import SOURCES
        from senet.data.sources import name_of, read_source
        from senet.errors import UsageError

        path = Path(name).expanduser()
        if name in SOURCES and path.is_dir():
            note(f"{name} is the data set; the folder of this name is folder:{name}")
        try:
            said = read_source(name)
        except UsageError:
            if "://" in name:
                raise
            said = name_of(path)
        return self.source(str(said))


HERE = PlaceFlags()


@Parameter(group=GROUP)
@dataclass(frozen=True)
class DataFlags:
    """How the data that is trained on is read.

    Args:
        place: Where named data sets lie.
        train_fraction: Stratified share of the training images; compare takes 0.1 of digits, so that there is room to
            improve, else 1.
        image_size: Height and width of the network's input, for image files; 224 if they are decoded as they go.
        in_memory: Whether image files are decoded once and kept; auto for folders of small images of one size.
        on_error: What to do with an image that cannot be read: fail, or skip, which leaves it out and says so.
    """

    place: Annotated[PlaceFlags, Parameter(name="*")] = HERE
    train_fraction: float | None = None
    image_size: int | None = None
    in_memory: Literal["auto", "yes", "no"] = "auto"
    on_error: Literal["fail", "skip"] = "fail"

    def settings(self, source: str, fraction: float = 1.0) -> "DataSettings":
        """Return which data, as the library takes it.

        Args:
            source: Its name.
            fraction: Of the training images, where no flag says it.
        """
        from senet.data import DataSettings

        place, share = self.place, fraction if self.train_fraction is None else self.train_fraction
        keep = KEEP[self.in_memory]
        return DataSettings(source, str(place.data_dir), place.download, share, self.image_size, keep)


AS_IT_IS = DataFlags()
