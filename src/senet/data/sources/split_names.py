"""Names that splits go by in folders: torchvision's, timm's, Keras' and Roboflow's."""

from pathlib import Path

from senet.errors import DataError
from senet.utils.text import printable

SPLITS = ("train", "val", "test")
NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


def split_by_name(name: str) -> str | None:
    """Return the split that a folder of this name holds, in any case of letters; None for other folders."""
    return next((split for split, names in NAMES.items() if name.casefold() in names), None)


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each split that a data folder has, in the order train, val, test.

    Raises:
        DataError: Two folders are of one split.
    """
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        split = split_by_name(path.name)
        if split is None or not path.is_dir():
            continue
        if split in found:
            names = f"{found[split].name} and {path.name}"
            do = "merge the two, or move one of them away"
            raise DataError(f"two folders of one split: {names}", where=printable(root), do=do)
        found[split] = path
    return {split: found[split] for split in SPLITS if split in found}
