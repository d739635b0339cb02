"""Open class folders as a feed, or one of their splits to score it with weights' own class map."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from senet.data.batching import Batching
from senet.data.classes import class_map, require_known
from senet.data.folder import labelled
from senet.data.paths import pack
from senet.data.split import SPLIT_SEED, VALIDATION_SHARE, share_of
from senet.data.stream import Files, Loading, StreamFeed, StreamSplit, files
from senet.data.transform import InputTransform
from senet.data.tree import Tree, held_out, scan
from senet.text import plain

logger = logging.getLogger("senet")
LOADING = Loading()


def open_folder(
    root: Path,
    transform: InputTransform,
    batching: Batching,
    loading: Loading = LOADING,
    validation_share: float = VALIDATION_SHARE,
) -> StreamFeed:
    """Open ``train/<class>/*`` with ``val/`` and/or ``test/`` beside it; nothing is decoded yet.

    The class map is the sorted order of the folder names under ``train/``; other splits follow it by name. Where
    only one of ``val/`` and ``test/`` exists, it is the test split.

    Args:
        root: The folder that holds ``train/``.
        transform: The evaluation side of the network's input.
        batching: The training side.
        loading: How images are read.
        validation_share: Stratified share of the training images that validates where only one split is held
            out, in [0, 1); with 0, the papers' way, validation and test are the same images.

    Raises:
        DataError: A missing or empty folder, a class that train does not know.
    """
    root = root.expanduser()
    names = held_out(root)
    trees = [scan(root / name) for name in ("train", *names)]
    classes = class_map(trees[0].classes, where=plain(root / "train"))
    train, *held = (_files(root, tree, classes) for tree in trees)
    splits = [StreamSplit(part, transform, loading) for part in held]
    if len(splits) == 1 and validation_share > 0:
        taken = share_of(train.labels, validation_share, SPLIT_SEED, "val")
        splits.insert(0, StreamSplit(train.subset(taken.nonzero().flatten()), transform, loading))
        train = train.subset((~taken).nonzero().flatten())
    return StreamFeed(f"folder:{root}", classes, train, splits[0], splits[-1], batching, loading)


def open_split(
    folder: Path,
    classes: Sequence[str],
    transform: InputTransform,
    loading: Loading = LOADING,
    ignore_unknown: bool = False,
) -> StreamSplit:
    """Open ``<class>/*`` to score it by a class map that was stored with weights; folders go by name.

    Args:
        folder: Holds the class folders.
        classes: The stored class map.
        transform: The one that was stored.
        loading: How images are read.
        ignore_unknown: Leave out folders that the class map does not know, and say so, in place of an error.

    Raises:
        DataError: A folder that the class map does not know, or no images.
    """
    tree = scan(folder.expanduser())
    unknown = [name for name in tree.classes if name not in set(classes)]
    if not ignore_unknown:
        require_known(
            tree.classes,
            classes,
            plain(tree.folder),
            "rename the folders, or leave them out: ignore_unknown, --ignore-unknown",
        )
    elif unknown:
        kind = "class" if len(unknown) == 1 else "classes"
        logger.warning("left out, %d unknown %s: %s", len(unknown), kind, ", ".join(map(plain, unknown)))
        tree = replace(tree, images={name: tree.images[name] for name in tree.classes if name not in set(unknown)})
    return StreamSplit(_files(tree.folder, tree, classes), transform, loading)


def _files(root: Path, tree: Tree, classes: Sequence[str]) -> Files:
    found = labelled(tree, classes)
    return files(pack(root, (path for path, _ in found)), [label for _, label in found])
