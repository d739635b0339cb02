"""Check a data folder before training: everything that would stop a run or spoil its score, and what is odd."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from senet.data.classes import collisions
from senet.data.examine import contents, in_order, shared, split_count
from senet.data.images import MAX_PIXELS
from senet.data.look import Look, look
from senet.data.record import Finding, Report, Severity, SplitCount
from senet.data.tree import Tree, held_out, scan
from senet.text import plain

PASSED = {
    "hidden": "hidden or a tool's own: ignored",
    "other": "not an image by its name: ignored",
    "loop": "a link that leads back to a folder above: not followed",
    "unreadable": "a folder that cannot be read",
}


def check(
    root: Path, max_pixels: int = MAX_PIXELS, workers: int = 0, watch: Callable[[int, int], None] | None = None
) -> Report:
    """Read every image of ``train/``, ``val/`` and ``test/`` as training would, and report what is found.

    Args:
        root: The folder that holds ``train/``.
        max_pixels: Larger images are reported without decoding them.
        workers: Processes that decode; 0 for none but this.
        watch: Is told (images done, images in all).

    Raises:
        DataError: There is no ``train/`` folder, or nothing held out.
        ResourceError: A process died, and with ``workers=0`` it would have been this one.
    """
    root = root.expanduser()
    trees = [scan(root / name) for name in ("train", *held_out(root))]
    paths = [path for tree in trees for images in tree.images.values() for path in images]
    looks: dict[str, Look] = {}
    for path, found in zip(paths, in_order(partial(look, max_pixels=max_pixels), paths, workers, plain), strict=True):
        looks[_relative(root, path)] = found
        if watch:
            watch(len(looks), len(paths))
    return report_on(root, trees, looks)


def report_on(root: Path, trees: Sequence[Tree], looks: dict[str, Look], found: Sequence[Finding] = ()) -> Report:
    """Report on images that were looked at.

    Args:
        root: The data folder.
        trees: Its splits, train first.
        looks: What was found in each image, by its path relative to the root.
        found: What is known already.
    """
    splits = [[_relative(root, path) for path in _paths(tree)] for tree in trees]
    findings = [*found, *_structure(root, trees), *contents(looks), *shared(splits, looks)]
    counts = tuple(_count(tree, names, looks) for tree, names in zip(trees, splits, strict=True))
    return Report(str(root), counts, trees[0].classes, tuple(findings))


def _structure(root: Path, trees: Sequence[Tree]) -> Iterator[Finding]:
    train = trees[0]
    if len(train.classes) < 2:
        yield Finding("classes", "error", "train", f"{len(train.classes)} class folders; a classifier needs two")
    for group in collisions(train.classes):
        names = ", ".join(map(ascii, group))
        yield Finding("collision", "error", "train", f"{names} are one name to other file systems")
    for tree in trees:
        if not any(tree.images.values()):
            yield Finding("no-images", "error", tree.folder.name, "no images")
        yield from _classes(tree, train)
        for passed in tree.passed:
            severity: Severity = "error" if passed.why == "unreadable" else "note"
            yield Finding(passed.why, severity, _relative(root, passed.path), PASSED[passed.why])


def _classes(tree: Tree, train: Tree) -> Iterator[Finding]:
    split = tree.folder.name
    for name, images in tree.images.items():
        if name not in train.images:
            yield Finding("unknown-class", "error", f"{split}/{name}", "train has no class of this name")
        elif not images and any(tree.images.values()) and tree is train:
            yield Finding("empty-class", "error", f"{split}/{name}", "a class without training images")
        elif len(images) == 1 and tree is train:
            yield Finding("small-class", "note", f"{split}/{name}", "one training image: none can be held out of it")
    if tree is not train:
        for name in train.classes:
            if not tree.images.get(name):
                detail = f"{split} has no images of {name!r}; its accuracy is n/a"
                yield Finding("missing-class", "note", f"{split}/{name}", plain(detail))


def _count(tree: Tree, names: Sequence[str], looks: dict[str, Look]) -> SplitCount:
    sizes = [len(images) for images in tree.images.values()]
    return split_count(tree.folder.name, sizes, sum(looks[name].problem is None for name in names))


def _paths(tree: Tree) -> Iterable[Path]:
    return (path for images in tree.images.values() for path in images)


def _relative(root: Path, path: Path) -> str:
    return os.path.relpath(path, root)
