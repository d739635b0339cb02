"""Does attention that is inserted into a trained network pay? ResNet-8 on CIFAR-10, paired over seeds.

For each seed a network is trained without attention. Then, from those weights and with the same recipe, order and
augmentation, it is trained further in three ways: as it is; with SE inserted by init="preserve"; with SE inserted by
init="paper". Needs a folder of CIFAR-10 images, train/CLASS/*.jpg and test/CLASS/*.jpg.

python benchmarks/insertion_cifar.py FOLDER [--seeds 6] [--fraction 0.1] [--epochs 10] [--more 5]
"""

import argparse
import copy
import csv
import platform
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

import made
from senet import SE, create
from senet.data import DataConfig, Split, load
from senet.data.sampling.split import stratified_split
from senet.insertion import insert
from senet.networks.init import initialise, named_stream
from senet.study.statistics.paired import compare_with_baseline, mean_interval
from senet.training import Recipe, evaluate, memory_feed, train_in_memory
from senet.training.callbacks import EpochCallback

RESULTS = Path(__file__).parent / "results"
CSV = RESULTS / "insertion_cifar.csv"
PAGE = Path(__file__).parent.parent / "docs" / "insertion.md"
BLOCK = re.compile(r"<!-- cifar -->.*<!-- /cifar -->", re.DOTALL)
SCORES = "trained", "inserted", "first", "last"
SPEC = SE(reduction=8)
ARMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "more training": copy.deepcopy,
    "SE, preserve": lambda model: insert(model, SPEC, init="preserve", example=(1, 3, 32, 32)),
    "SE, paper": lambda model: insert(model, SPEC, init="paper", example=(1, 3, 32, 32)),
}


@dataclass(frozen=True)
class Row:
    """Test accuracies of one run, in percent."""

    seed: int
    arm: str
    trained: float  # test accuracy of the network without attention, before
    inserted: float  # after insertion, before any step
    first: float  # after one epoch
    last: float  # after all


def some(split: Split, images: int) -> Split:
    """Keep so many images of a split, the same for ever, every class in its share."""
    return stratified_split(split, images / len(split), 0, "benchmark")[1]


class Proof:
    """One data set and the two recipes."""

    def __init__(self, args: argparse.Namespace) -> None:
        data = load(DataConfig(source=f"folder:{args.folder}", train_fraction=args.fraction))
        test, validation = (some(split, n) for split, n in ((data.test, args.test_images), (data.validation, 500)))
        self.data = replace(data, test=test, validation=validation)
        self.base = Recipe(epochs=args.epochs, lr=0.1, batch_size=128, threads=args.threads)
        self.more = Recipe(epochs=args.more, lr=0.02, batch_size=128, threads=args.threads)

    def accuracy(self, model: nn.Module) -> float:
        """Test accuracy in percent."""
        return evaluate(model, self.data.test, memory_feed(self.data, self.more).transform.normalise, self.more.compute)

    def rows(self, seed: int) -> Iterator[Row]:
        """Train without attention, then further in each way."""
        trained = initialise(create("resnet8", num_classes=len(self.data.classes)), named_stream(seed))
        train_in_memory(trained, memory_feed(self.data, self.base), self.base, seed)
        before = self.accuracy(trained)
        for arm, make in ARMS.items():
            torch.manual_seed(seed)
            yield self.row(seed, arm, before, make(trained))

    def row(self, seed: int, arm: str, before: float, model: nn.Module) -> Row:
        """Train a model further."""
        inserted = self.accuracy(model)
        first: list[float] = []

        def note(epoch: object) -> None:
            if not first:
                first.append(self.accuracy(model))

        train_in_memory(model, memory_feed(self.data, self.more), self.more, 1000 + seed, EpochCallback(note))
        return Row(seed, arm, before, inserted, first[0], self.accuracy(model))


def table(rows: list[Row]) -> list[str]:
    by_arm = {arm: {row.seed: row for row in rows if row.arm == arm} for arm in ARMS}
    base = by_arm["more training"]
    against = {
        arm: {seed: row.last - base[seed].last for seed, row in found.items()}
        for arm, found in by_arm.items()
        if found is not base
    }
    compared = compare_with_baseline(against)
    lines = [
        "| | before | inserted | after 1 epoch | at the end | against more training, paired | p |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm, found in by_arm.items():
        cells = [interval([getattr(row, name) for row in found.values()]) for name in SCORES]
        if arm in compared:
            c = compared[arm]
            cells += [f"{c.difference.mean:+.2f} [{c.difference.low:+.2f}, {c.difference.high:+.2f}]", f"{c.p:.3f}"]
        else:
            cells += ["", ""]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return lines


def interval(values: list[float]) -> str:
    found = mean_interval(values)
    return f"{found.mean:.2f} +- {found.high - found.mean:.2f}" if found.high is not None else f"{found.mean:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--fraction", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--more", type=int, default=5)
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    start, proof, rows = time.monotonic(), Proof(args), finished()
    for seed in sorted(set(range(args.seeds)) - {row.seed for row in rows}):
        for row in proof.rows(seed):
            rows.append(row)
            print(f"{(time.monotonic() - start) / 60:5.1f} min", row, flush=True)
        write(args, proof, rows)


def finished() -> list[Row]:
    """Seeds that an interrupted run of the same command has already done; delete the file to start over."""
    if not CSV.exists():
        return []
    with CSV.open(newline="", encoding="utf-8") as file:
        return [Row(int(r["seed"]), r["arm"], *(float(r[n]) for n in SCORES)) for r in csv.DictReader(file)]


def write(args: argparse.Namespace, proof: Proof, rows: list[Row]) -> None:
    with CSV.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row.__dataclass_fields__)
        writer.writerows([vars(row).values() for row in rows])
    if len({row.seed for row in rows}) < 2:
        return  # no interval yet
    page = [
        "# Attention inserted into a trained network",
        "",
        f"    python benchmarks/insertion_cifar.py FOLDER --seeds {args.seeds} --fraction {args.fraction} "
        f"--epochs {args.epochs} --more {args.more}",
        "",
        f"- CIFAR-10 as JPEG copies: {len(proof.data.train)} training images, {len(proof.data.test)} test images",
        f"- ResNet-8, {SPEC}, {len({row.seed for row in rows})} seeds; trained {args.epochs} epochs at lr 0.1, then "
        f"{args.more} at lr 0.02, batch 128, cosine to zero, float32, {args.threads} thread",
        f"- torch {torch.__version__}, {platform.machine()}",
        made.LINE,
        "",
        "Test accuracy in percent, mean and 95% interval; differences in points, corrected for two comparisons:",
        "",
        *table(rows),
        "",
    ]
    (RESULTS / "insertion_cifar.md").write_text("\n".join(page), encoding="utf-8")
    block = "\n".join(["<!-- cifar -->", *table(rows), "<!-- /cifar -->"])
    PAGE.write_text(BLOCK.sub(lambda _: block, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
