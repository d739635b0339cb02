"""The image folders that all sides of benchmarks/training.py read: links to the user's images, or PNG files."""

from pathlib import Path

from PIL import Image

from senet.data import Dataset

SPLITS = ("train", "test")


def linked(source: Path, target: Path, per_class: int, copies: int = 1) -> None:
    """Fill a split's folder with links to the first images of every class, each so many times over."""
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        (target / folder.name).mkdir(parents=True)
        for image in sorted(folder.iterdir())[:per_class]:
            for copy in range(copies):
                (target / folder.name / f"{copy}_{image.name}").symlink_to(image.resolve())


def small(source: Path, target: Path, per_class: int) -> Path:
    """Link ``train/`` and ``test/``, so many images a class and a tenth of that to test."""
    for split, count in zip(SPLITS, (per_class, per_class // 10), strict=True):
        linked(source / split, target / split, count)
    return target


def large(source: Path, target: Path, copies: int) -> Path:
    """Link the class folders of one split as ``train/``, several times over, and once as ``test/``."""
    for split, count in zip(SPLITS, (copies, 1), strict=True):
        linked(source, target / split, 10**6, count)
    return target


def written(data: Dataset, target: Path, count: int) -> Path:
    """Write the first images of a grey data set as PNG files in class folders, for loops that read folders alone."""
    for split in SPLITS:
        for name in range(len(data.classes)):
            (target / split / str(name)).mkdir(parents=True)
    images, labels = data.train.images[:count, 0].numpy(), data.train.labels[:count].tolist()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(target / "train" / str(label) / f"{i:05d}.png")
    return target
