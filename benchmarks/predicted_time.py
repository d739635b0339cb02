"""How long `senet compare --dry-run` says a study takes, over how long it takes: a table for results/predicted_time.md.

python benchmarks/predicted_time.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image

SIDE, IMAGES = 400, {"train": 60, "val": 12, "test": 12}  # of each of two classes
SMALL = ["--network", "resnet8", "--data", "digits", "--precision", "float32", "--threads", "1"]
ALONE = ["--workers", "1"]
FOUR = ["none", "SE(reduction=4)", "CBAM(reduction=4)", "SK(groups=1)"]
PHOTOS = ["--network", "torchvision:shufflenet_v2_x0_5", "--head", "new", "--data", "folder:photos"]
ONCE = ["--threads", "1", "--batch-size", "16", "--precision", "float32", "--seeds", "1", "--variants", "none", "SE"]
STUDIES = {
    "digits, 4 variants x 2 seeds, 20 epochs": [*SMALL, "--seeds", "2", "--epochs", "20", "--variants", *FOUR],
    "digits, 4 variants, 10 epochs, one worker": [
        *SMALL,
        *ALONE,
        "--seeds",
        "1",
        "--epochs",
        "10",
        "--variants",
        *FOUR,
    ],
    "digits, 2 trials of 3 epochs": [*SMALL, "--seeds", "1", "--epochs", "3", "--variants", "none", "SE"],
    "JPEG at 224, 2 epochs": [*PHOTOS, *ONCE, "--epochs", "2"],
    "JPEG at 224, 2 epochs, one worker": [*PHOTOS, *ONCE, *ALONE, "--epochs", "2"],
}


def write_photos(folder: Path) -> None:
    """Write photographs-like JPEG files, whose decoding takes as long as that of real ones."""
    draw = torch.Generator().manual_seed(0)
    for split, count in IMAGES.items():
        for label in ("a", "b"):
            place = folder / split / label
            place.mkdir(parents=True)
            for i in range(count):
                coarse = torch.randint(0, 256, (16, 16, 3), dtype=torch.uint8, generator=draw)
                Image.fromarray(coarse.numpy()).resize((SIDE, SIDE)).save(place / f"{i}.jpg", quality=90)


def run(words: list[str], here: Path) -> tuple[str, float]:
    """Run a command and return what it printed and the seconds that it took."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "senet", "compare", *words, "--json"]
    done = subprocess.run(command, cwd=here, check=True, capture_output=True, text=True)
    return done.stdout, time.perf_counter() - began


def main() -> None:
    here = Path(tempfile.mkdtemp())
    write_photos(here / "photos")
    print("| study | predicted s | taken s | predicted / taken | load at the start |\n|---|---:|---:|---:|---:|")
    for number, (name, words) in enumerate(STUDIES.items()):
        load = os.getloadavg()[0]
        predicted = json.loads(run([*words, "--dry-run"], here)[0])["seconds"]
        taken = run([*words, "--out", f"runs{number}"], here)[1]
        print(f"| {name} | {predicted:.0f} | {taken:.0f} | {predicted / taken:.2f} | {load:.1f} |", flush=True)
    shutil.rmtree(here)


if __name__ == "__main__":
    main()
