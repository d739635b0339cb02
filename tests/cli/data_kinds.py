"""The kinds of data source that every command takes, made small, and the table of README.md that says so."""

import io
import tarfile
from collections import Counter
from dataclasses import dataclass

import numpy as np
from matrix import COLOURS, drawn
from PIL import Image

COMMANDS = ("train", "compare", "evaluate", "predict", "excite", "data check", "data pack")
SPLIT_ALONE = ("evaluate", "predict", "excite")  # one split is all that they read
DIGITS = tuple("0123456789")
NUMBERED = DIGITS[: len(COLOURS)]


@dataclass(frozen=True)
class DataKind:
    """A kind of data source, and a small one of it.

    Args:
        typed: What the table calls it.
        name: What is typed; ``{home}`` is the folder of all.
        images: Of train, val and test, counted by hand.
        classes: As it names them.
        weights: That know them, or their numbers.
        flags: Where it lies.
        sized: Has images decoded as they go, at their own size; the others are kept in memory.
        scored: The split that ``evaluate`` and ``excite`` say they took.
        refused: By command: why, and what to type instead.
    """

    typed: str
    name: str
    images: tuple[int, int, int] = (36, 13, 13)
    classes: tuple[str, ...] = COLOURS
    weights: str = "colours.safetensors"
    flags: tuple[str, ...] = ()
    sized: tuple[str, ...] = ("--image-size", "24")
    scored: str = ", test"
    refused: tuple[tuple[str, str], ...] = ()


WHOLE = (
    "Nothing is held out. `--val-fraction 0.2` holds a share out; of a folder that is one split, name the folder "
    "above, which holds `train/`, and `val/` or `test/`."
)
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KINDS = (
    DataKind("`digits`", "digits", (1132, 126, 539), DIGITS, "digits.safetensors", sized=()),
    DataKind(
        "`fashion-mnist`, `cifar10`, `cifar100`, with `--data-dir`",
        "fashion-mnist",
        (30, 10, 20),
        FASHION,
        "fashion.safetensors",
        ("--data-dir", "idx"),
        (),
    ),
    DataKind("`folder:PATH` with `train/`, and `val/` or `test/`", "folder:photos", sized=()),
    DataKind(
        "`folder:PATH` of class folders alone",
        "folder:photos/test",
        sized=(),
        scored="",
        refused=tuple((command, WHOLE) for command in COMMANDS if command not in SPLIT_ALONE),
    ),
    DataKind("`list:FILE.csv` of rows `path,label,split`", "list:list.csv", sized=()),
    DataKind("`shards:PATH`, written by `senet data pack`", "shards:packed"),
    DataKind("`shards:PATH`, WebDataset tars", "shards:tars", classes=NUMBERED),
    DataKind("`shards:PATH`, Parquet files", "shards:parquet", classes=NUMBERED),
    DataKind("`shards:ADDRESS`, any of these", "shards:file://{home}/packed"),
)


def table():
    """Return README's table."""
    return drawn("source", COMMANDS, KINDS)


def labelled(photos, split):
    """Yield name, bytes and class number of the photos of a split."""
    for number, colour in enumerate(COLOURS):
        for path in sorted((photos / split / colour).iterdir()):
            yield f"{colour}-{path.stem}", path.read_bytes(), number


def write_tars(photos, root):
    """WebDataset as others write it: an image and its class number, under one key."""
    root.mkdir()
    for split in ("train", "val", "test"):
        with tarfile.open(root / f"{split}-00000.tar", "w") as archive:
            for name, data, number in labelled(photos, split):
                for ending, content in (("png", data), ("cls", str(number).encode())):
                    info = tarfile.TarInfo(f"{name}.{ending}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))


def write_list(home):
    """A list of the photos, whose split has another name than its folder."""
    names = {"train": "training", "val": "valid", "test": "test"}
    paths = sorted((home / "photos").glob("*/*/*.png"))
    rows = [f"{path.relative_to(home)},{path.parent.name},{names[path.parent.parent.name]}" for path in paths]
    (home / "list.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")


def write_parquet(photos, root):
    """Parquet as Hugging Face writes it."""
    import pyarrow as pa
    from pyarrow import parquet

    root.mkdir()
    for split in ("train", "val", "test"):
        names, images, numbers = zip(*labelled(photos, split), strict=True)
        column = [{"bytes": data, "path": name} for name, data in zip(names, images, strict=True)]
        parquet.write_table(pa.table({"image": column, "label": list(numbers)}), root / f"{split}-00000.parquet")


def fashion():
    """Return images and labels of a Fashion-MNIST of 40 and 20 images."""
    draw = np.random.default_rng(0)
    return {
        part: (draw.integers(0, 256, (count, 28, 28), np.uint8), (np.arange(count) % 10).astype(np.uint8))
        for part, count in (("train", 40), ("t10k", 20))
    }


def write_idx(root):
    """Its four files."""
    root.mkdir()
    for part, (images, labels) in fashion().items():
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
            (root / f"{part}-{name}-ubyte").write_bytes(head + array.tobytes())


def expected(kind, photos):
    """Return how often a kind has each (class, pixels), from where they come from."""
    if kind.name == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        return Counter(
            zip(found.target, (image.tobytes() for image in (found.images * 15).astype(np.uint8)), strict=True)
        )
    if kind.name == "fashion-mnist":
        return Counter(
            (label, image.tobytes())
            for images, labels in fashion().values()
            for image, label in zip(images, labels, strict=True)
        )
    parts = ("train", "val", "test")
    return Counter((number, _pixels(data)) for part in parts for _, data, number in labelled(photos, part))


def packed_images(root):
    """Return how often shards have each (class number, pixels), read with tarfile alone."""
    found = Counter()
    for path in root.glob("*.tar"):
        with tarfile.open(path) as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive}
        images = [name for name in members if name.endswith(".png")]
        found.update((int(members[f"{name.removesuffix('.png')}.cls"]), _pixels(members[name])) for name in images)
    return found


def _pixels(data):
    return Image.open(io.BytesIO(data)).tobytes()
