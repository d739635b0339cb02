"""``senet data``: look at a data set before anything is trained on it, and pack it."""

import json as json_module
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from senet.cli.common.data_flags import DEFAULT_SOURCE_FLAGS, DataSourceFlags
from senet.cli.common.progress_bars import image_progress_bar

if TYPE_CHECKING:
    from senet.data.shards.index import ShardIndex

data = App(name="data", help="Look at data before training on it; pack it into shards.")

SOURCE = Parameter(name="--data")  # as in the other commands


@data.command
def check(
    source: Annotated[str, SOURCE],
    *,
    workers: int = 0,
    json: bool = False,
    source_flags: Annotated[DataSourceFlags, Parameter(name="*")] = DEFAULT_SOURCE_FLAGS,
) -> None:
    """Read every image of a data source as training would, and report what would stop it or spoil its score.

    A folder holds train/CLASS/*.jpg, and val/ or test/ beside it; or shards, train-00000.tar or .parquet and so
    on, of which checksums are verified too. Exit code 0 if there are no errors, 3 if there are. No image is changed.

    Three examples:

        senet data check photos
        senet data check photos --workers 8
        senet data check shards:https://example.org/photos --json > findings.json

    Args:
        source: The path of a folder that holds train/, or shards, or of a list; or digits, fashion-mnist, cifar10,
            cifar100, folder:PATH, list:FILE.csv, shards:PATH, shards:ADDRESS.
        workers: Processes that decode images; 0 decodes in the main process.
        json: Print one JSON object, with every finding.
        source_flags: Where named data sets lie.
    """
    from senet.cli.common.notes import notes_on_stderr
    from senet.cli.data.tables import print_check_report  # these import torch, which --help must not
    from senet.data.check.check import check as checked
    from senet.data.unused import warn_unused
    from senet.errors import DataError
    from senet.utils.text import counted

    with notes_on_stderr(), image_progress_bar() as watch:
        report = checked(source_flags.open_source_or_path(source), workers=workers, watch=watch)
        warn_unused(report.unused)
    if json:
        print(json_module.dumps(report.to_dict()))
    else:
        print_check_report(report)
    if not report.clean:
        errors = sum(finding.severity == "error" for finding in report.findings)
        raise DataError(counted(errors, "error"), where=report.folder, do="fix or remove these files")


@data.command
def pack(
    source: Annotated[str, SOURCE],
    *,
    out: Path,
    shard_size: str = "256MB",
    samples_per_shard: int | None = None,
    json: bool = False,
    source_flags: Annotated[DataSourceFlags, Parameter(name="*")] = DEFAULT_SOURCE_FLAGS,
) -> None:
    """Write a data source as WebDataset tars, with an index and checksums.

    The bytes of the images are kept; none is decoded, so check the source first. The shards appear when all are
    written. Packing the same images twice gives the same bytes.

    Three examples:

        senet data pack photos --out shards
        senet data pack photos --out shards --shard-size 1GB
        senet data pack photos --out shards --samples-per-shard 1000

    Args:
        source: The path of a folder that holds train/CLASS/*.jpg, and val/ or test/ beside it, or of shards; or digits,
            fashion-mnist, cifar10, cifar100, folder:PATH, list:FILE.csv, shards:PATH, shards:ADDRESS.
        out: A folder that is empty or not there.
        shard_size: About so many bytes a shard: a number with kB, MB or GB (powers of 1000).
        samples_per_shard: At most so many images a shard.
        json: Print one JSON object: the shards and images of each split, and what is not used.
        source_flags: Where named data sets lie.
    """
    limit = _bytes(shard_size)
    from senet.cli.common.notes import notes_on_stderr  # these import torch, which an error above must not
    from senet.data.shards.pack import ShardSize
    from senet.data.shards.pack import pack as packed
    from senet.data.unused import Unused, warn_unused
    from senet.utils.text import counted

    size = ShardSize(limit)
    if samples_per_shard is not None:
        size = ShardSize(size.bytes, samples_per_shard)
    left: list[Unused] = []

    def tell(records: Sequence[Unused]) -> None:
        left.extend(records)
        warn_unused(records)

    with notes_on_stderr(), image_progress_bar() as watch:
        index = packed(source_flags.open_source_or_path(source), out, size, watch, tell)
    if json:
        about = {"out": str(out), "classes": index.classes, "splits": _counts(index)}
        print(json_module.dumps({**about, "unused": [*map(asdict, left)]}))
    else:
        for split, found in _counts(index).items():
            print(f"{split}: {counted(found['images'], 'image')} in {counted(found['shards'], 'shard')}")


def _counts(index: "ShardIndex") -> dict[str, dict[str, int]]:
    return {
        split: {"images": sum(entry.samples for entry in entries), "shards": len(entries)}
        for split, entries in index.splits.items()
    }


def _bytes(size: str) -> int:
    from senet.errors import UsageError

    match = re.fullmatch(r"(\d+)\s*([kMG]?)B?", size)
    if match is None:
        raise UsageError(
            f"--shard-size {size} is not a size", do="write a whole number with kB, MB or GB, such as 256MB"
        )
    return int(match[1]) * {"": 1, "k": 1000, "M": 10**6, "G": 10**9}[match[2]]
