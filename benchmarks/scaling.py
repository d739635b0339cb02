"""What being distributed costs, and the sizes that docs/scaling.md counts with; writes results/scaling.md.

python benchmarks/scaling.py

Two gloo ranks on this machine, one thread each, ResNet-20 at batch 128 a rank on 3 x 32 x 32 images: the throughput of
`train()` in two ranks that train one model, against that of the same two processes that train a model each, side by
side. Windows of both alternate in the same processes; a ratio is that of two neighbours. Then, by itself: the rate at
which one core decodes, crops and flips JPEGs, bytes and time of checkpoints, bytes of gradients.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

from senet import create
from senet.data import Batching, InputTransform, open_folder
from senet.data.transforms.augment import imagenet_transforms
from senet.training import Recipe
from senet.training.checkpoint.checkpoint import Checkpoint, write_checkpoint
from senet.training.checkpoint.train_state import learner_tensors, learner_values
from senet.training.setup.freeze import FineTuneConfig
from senet.training.step.learner import Learner
from senet.utils.environment import environment

RESULTS = Path(__file__).parent / "results" / "scaling.md"
NETWORKS = "resnet20", "se_resnet50", "senet154"
IMAGENET = InputTransform((224, 224), 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PHOTO = 375, 500  # height and width of a common photograph of ImageNet


@dataclass(frozen=True)
class Sizes:
    """What a network weighs.

    Args:
        name: As senet models lists it.
        parameters: Trainable numbers.
        checkpoint: Bytes of weights, statistics and momentum on disk.
        seconds: To write, flush and read back, round by round.
    """

    name: str
    parameters: int
    checkpoint: int
    seconds: Sequence[float]


def ranks(batch: int, steps: int, rounds: int) -> list[dict[str, float]]:
    """Start two ranks, and return what they measured."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rates.json"
        script = Path(__file__).with_name("scaling_ranks.py")
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(script)]
        words = [*command, *map(str, (batch, steps, rounds + 1)), str(out)]
        subprocess.run(words, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return list(json.loads(out.read_text()))[1:]  # the first round warms caches


def photographs(folder: Path, count: int) -> Path:
    """Write JPEGs as smooth as photographs are: noise of a twelfth of their size, enlarged."""
    draw = torch.Generator().manual_seed(0)
    for split, kind in (("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")):
        (folder / split / kind).mkdir(parents=True)
        for i in range(count if split == "train" else 1):
            coarse = torch.rand(1, 3, PHOTO[0] // 12, PHOTO[1] // 12, generator=draw)
            pixels = F.interpolate(coarse, PHOTO, mode="bicubic").clamp(0, 1)[0].mul(255).byte()
            Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / split / kind / f"{i}.jpg", quality=90)
    return folder


def decoded(root: Path, rounds: int) -> list[float]:
    """Images a second that this process reads, decodes, crops and flips, round by round."""
    feed = open_folder(root, IMAGENET, Batching(64, imagenet_transforms(224)))
    rates = []
    for epoch in range(rounds + 1):
        start, count = time.perf_counter(), 0
        for images, _ in feed.train_batches(0, epoch):
            count += len(images)
        rates.append(count / (time.perf_counter() - start))
    return rates[1:]


def sizes(name: str, rounds: int) -> Sizes:
    model = create(name)
    learner = Learner(model, FineTuneConfig(Recipe()), 10, lambda x: x)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    learner.optimizer.step()  # makes the momentum
    checkpoint, seconds, bytes_ = Checkpoint(learner_tensors(learner), {"learner": learner_values(learner)}), [], 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            start = time.perf_counter()
            write_checkpoint(checkpoint, Path(folder) / f"epoch-{i}")
            seconds.append(time.perf_counter() - start)
        bytes_ = sum(path.stat().st_size for path in (Path(folder) / "epoch-0").iterdir())
    return Sizes(name, sum(parameter.numel() for parameter in model.parameters()), bytes_, seconds)


def spread(values: Sequence[float], digits: int) -> str:
    """Median, least and most."""
    middle, least, most = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} [{least}, {most}]"


def page(rates: Sequence[dict[str, float]], decode: Sequence[float], found: Sequence[Sizes], batch: int) -> str:
    """Return the whole page."""
    ratios = [rate["together"] / rate["apart"] for rate in rates]
    lines = [
        "# Ranks, decoding, checkpoints\n",
        "Written by `python benchmarks/scaling.py`. Medians, in brackets least and most over the rounds. A simulated",
        "run: both ranks share one machine and its memory bus, and the gradients cross no network.\n",
        f"## Two gloo ranks, one thread each, ResNet-20, batch {batch} a rank\n",
        "| | images/s |\n|---|---:|",
        f"| two processes, a model each | {spread([rate['apart'] for rate in rates], 0)} |",
        f"| two ranks, one model | {spread([rate['together'] for rate in rates], 0)} |",
        f"| ratio within a round | {spread(ratios, 3)} |\n",
        "## One core\n",
        f"Reads, decodes (JPEG of {PHOTO[1]} x {PHOTO[0]}, quality 90), crops to 224 and flips {spread(decode, 0)}",
        "images a second.\n",
        "## Sizes\n",
        "| network | parameters | gradients a step, MB | checkpoint, MB | seconds to write and read back |",
        "|---|---:|---:|---:|---:|",
    ]
    for one in found:
        mega = f"{4 * one.parameters / 1e6:,.1f} | {one.checkpoint / 1e6:,.1f}"
        lines.append(f"| `{one.name}` | {one.parameters:,} | {mega} | {spread(one.seconds, 2)} |")
    return "\n".join([*lines, "", *(f"- {name}: {value}" for name, value in environment().items())]) + "\n"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="images a rank")
    parser.add_argument("--steps", type=int, default=10, help="of a window")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--photos", type=int, default=100, help="JPEGs of each of two classes")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rates = ranks(given.batch, given.steps, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        decode = decoded(photographs(Path(folder), given.photos), given.rounds)
    found = [sizes(name, given.rounds) for name in given.networks]
    given.out.write_text(page(rates, decode, found, given.batch))


if __name__ == "__main__":
    main()
