"""How fast training and loading are beside timm's and torchvision's own loops; writes results/training.md.

All sides are timed in turn, round after round, in one process: the same network, images and batch, two threads.
A ratio is that of two neighbours in one round; the page gives the median over rounds. Every case is a command of
its own, and its result replaces that case alone:

python benchmarks/training.py small cifar FOLDER --network resnet20
python benchmarks/training.py small fashion FOLDER --network resnet8
python benchmarks/training.py large imagenet FOLDER
python benchmarks/training.py loader imagenet FOLDER

FOLDER is the folder that holds train/CLASS/*.jpg and test/CLASS/*.jpg for cifar, the folder with fashion-mnist/ for
fashion, and one split's CLASS/*.JPEG for imagenet.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import made
import training_ours as ours
import training_peers as peers
import training_trees as trees
from senet import create
from senet.data import (
    Batching,
    DataConfig,
    Dataset,
    Feed,
    InputTransform,
    Loading,
    StreamFeed,
    load,
    open_folder,
)
from senet.data.transforms.augment import imagenet_transforms
from senet.networks.init import initialise, named_stream
from senet.study.plan import RESULTS_VERSION
from senet.training import Recipe
from senet.training.feeds import memory_feed
from senet.training.setup.precision import choose_precision
from senet.utils.environment import environment
from training_page import RESULTS, page
from training_parts import Steps, product, worker_parts

Window = Callable[[int], float]
IMAGENET = InputTransform((224, 224), 256, *peers.IMAGENET)
WORKERS = {"timm": (4, 2), "torchvision": (16, 2)}  # as shipped, and as many as there are cores


@dataclass
class Case:
    """What is timed.

    Args:
        sides: Take so many steps each and say how long it took.
        steps: In a window.
        batch_size: Images a step.
        parts: Ours, taken apart.
        facts: For the page.
    """

    sides: dict[str, Window]
    steps: int
    batch_size: int
    parts: Callable[[], list[Any]]
    facts: dict[str, Any]


def network(name: str, classes: int, channels: int) -> torch.nn.Module:
    return initialise(create(name, num_classes=classes, in_channels=channels), named_stream(0))


def peer_sides(make: Callable[[], torch.nn.Module], asked: peers.Input) -> dict[str, Window]:
    """Both loops, each with its own number of workers and with two."""
    sides: dict[str, Window] = {}
    for count in WORKERS["timm"]:
        sides[f"timm, {count} workers"] = peers.window(peers.Timm(make(), peers.timm_batches(asked, count)))
    for count in WORKERS["torchvision"]:
        batches = peers.torchvision_batches(asked, count)
        sides[f"torchvision, {count} workers"] = peers.window(peers.Torchvision(make(), batches))
    return sides


def small(args: argparse.Namespace, scratch: Path) -> Case:
    """A CIFAR network on images that we hold in memory and the others read from a folder."""
    data, folder = small_data(args, scratch)

    def make() -> torch.nn.Module:
        return network(args.network, len(data.classes), data.channels)

    batch = data.train.images[: args.batch], data.train.labels[: args.batch]
    feed = memory_feed(data, Recipe(batch_size=args.batch, threads=args.threads))
    recipes = in_precisions(args, make(), feed)
    sides = {
        **our_sides(make, feed, recipes, batch),
        f"convolutions alone, {recipes[-1].precision}": ours.convolutions(make(), recipes[-1], *inputs_of(feed, batch)),
        f"ours, in memory, {recipes[-1].precision}": ours.in_memory(make(), feed, recipes[-1]),
        **peer_sides(make, peers.Input(folder / "train", data.size[0], data.channels, args.batch)),
    }
    taken_apart = Steps(make(), feed, recipes[-1])
    return Case(
        sides,
        args.steps,
        args.batch,
        lambda: [*taken_apart.parts(), product(recipes[-1])],
        {"precision": recipes[-1].precision, "giga": taken_apart.giga},
    )


def in_precisions(args: argparse.Namespace, model: torch.nn.Module, feed: Feed) -> list[Recipe]:
    """Return a recipe in float32 and, where `senet train` would settle on another precision, one in that."""
    settled = choose_precision(model, feed, args.batch, args.threads).precision
    names = dict.fromkeys(("float32", settled))
    return [Recipe(batch_size=args.batch, threads=args.threads, precision=name) for name in names]


def our_sides(
    make: Callable[[], torch.nn.Module], feed: Feed, recipes: list[Recipe], batch: tuple[torch.Tensor, torch.Tensor]
) -> dict[str, Window]:
    """The bare step and ``train()``, in every precision."""
    sides: dict[str, Window] = {}
    inputs, labels = inputs_of(feed, batch)
    for recipe in recipes:
        sides[f"bare step, {recipe.precision}"] = ours.bare(make(), recipe, inputs, labels)
        sides[f"ours, train(), {recipe.precision}"] = ours.run_of(make(), feed, recipe)
    return sides


def inputs_of(feed: Feed, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return feed.transform.normalise(batch[0]), batch[1]


def small_data(args: argparse.Namespace, scratch: Path) -> tuple[Dataset, Path]:
    """Return a data set in memory and the folder that holds the same images."""
    if args.data == "cifar":
        folder = trees.small(Path(args.folder), scratch / "cifar", 1280)
        return load(DataConfig(f"folder:{folder}")), folder
    data = load(DataConfig("fashion-mnist", data_dir=args.folder))
    return data, trees.written(data, scratch / "fashion", 12_800)


def image_feed(folder: Path, batch_size: int, workers: int = 2) -> StreamFeed:
    return open_folder(
        folder, IMAGENET, Batching(batch_size, imagenet_transforms(224)), Loading(workers), validation_share=0
    )


def large(args: argparse.Namespace, scratch: Path) -> Case:
    """A network for large images, from JPEG files on all sides."""
    folder = trees.large(Path(args.folder), scratch / "images", 4)
    feed = image_feed(folder, args.batch)

    def make() -> torch.nn.Module:
        return network(args.network, len(feed.classes), 3)

    batch = next(iter(feed.train_batches(0, 1)))
    recipes = in_precisions(args, make(), feed)
    sides = {
        **our_sides(make, feed, recipes, batch),
        **peer_sides(make, peers.Input(folder / "train", 224, 3, args.batch)),
    }
    taken_apart = Steps(make(), feed, recipes[-1])
    return Case(
        sides,
        args.steps,
        args.batch,
        lambda: [*taken_apart.parts(), product(recipes[-1]), *worker_parts(feed, 20)],
        {"precision": recipes[-1].precision, "giga": taken_apart.giga},
    )


def loader(args: argparse.Namespace, scratch: Path) -> Case:
    """An epoch of large images, without a network: float32, normalised, crops of 224 and flips on all sides."""
    folder = trees.large(Path(args.folder), scratch / "images", args.steps)
    feed = image_feed(folder, args.batch)
    asked = peers.Input(folder / "train", 224, 3, args.batch)
    sides: dict[str, Window] = {"ours, 2 workers": ours.loader(feed)}
    sides["ours, no worker"] = ours.loader(image_feed(folder, args.batch, workers=0))
    sides["torchvision, no worker"] = emptied(peers.torchvision_batches(asked, 0))
    for count in WORKERS["torchvision"]:
        sides[f"torchvision, {count} workers"] = emptied(peers.torchvision_batches(asked, count))
    for count in WORKERS["timm"]:
        batches = peers.timm_batches(asked, count, color_jitter=0.0, interpolation="bilinear")
        sides[f"timm, {count} workers"] = emptied(batches)
    images = len(feed.train)
    return Case(sides, 1, images, lambda: list(worker_parts(feed, 100)), {"images": f"{images} an epoch"})


def emptied(batches: peers.Batches) -> Window:
    """Read one epoch."""

    def run(steps: int) -> float:
        start = time.perf_counter()
        for _ in batches:
            pass
        return time.perf_counter() - start

    return run


CASES = {"small": small, "large": large, "loader": loader}


def settle() -> None:
    """Wait until the workers of all sides have filled their queues and do nothing."""
    before = -1.0
    while before != (now := sum(map(busy, multiprocessing.active_children()))):
        before = now
        time.sleep(0.15)


def busy(process: Any) -> float:
    """Processor time of a process so far, in the kernel's ticks of 10 ms."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return float(fields[11]) + float(fields[12])


def measured(case: Case, rounds: int) -> dict[str, list[list[float]]]:
    """Return (images or operations, seconds) of every side and part, round by round; the first round is not kept."""
    found: dict[str, list[list[float]]] = {}
    for number in range(rounds + 1):
        for name, side in case.sides.items():
            steps = case.steps if number else 1
            settle()
            seconds = side(steps)
            if number:
                found.setdefault(name, []).append([steps * case.batch_size, seconds])
        for name, seconds, count in case.parts():
            if number:
                found.setdefault(f"part: {name}", []).append([count, seconds])
        print(f"round {number} of {rounds}", file=sys.stderr)
    return found


def versions() -> dict[str, str]:
    """What it ran on."""
    return {**environment(), made.NAME: str(RESULTS_VERSION), "timm": version("timm"), "pillow": version("pillow")}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=CASES)
    parser.add_argument("data", choices=("cifar", "fashion", "imagenet"))
    parser.add_argument("folder")
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore", "This DataLoader will create")
    with tempfile.TemporaryDirectory() as scratch:
        case = CASES[args.kind](args, Path(scratch))
        found = measured(case, args.rounds)
    name = "loader" if args.kind == "loader" else f"{args.network}, {args.data}, batch {args.batch}"
    command = " ".join(["python benchmarks/training.py", *sys.argv[1:]]).replace(args.folder, "FOLDER")
    everything = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    everything[name] = {"kind": args.kind, "command": command, **case.facts, **versions(), "rounds": found}
    RESULTS.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".md").write_text(page(everything), encoding="utf-8")


if __name__ == "__main__":
    main()
