"""Trains on a file system that is really full for some steps, says what was noticed, and carries the run away."""

import json
import shutil
import sys
from pathlib import Path

import torch

from toy import Heard, run

FULL = range(7, 14)  # two saves between epochs, and the end of one


def fill(path):
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            return error


def main(disk, away):
    torch.set_num_threads(1)
    heard, ballast = Heard(), Path(disk, "ballast")

    def step(loss, lr, images):
        heard.steps += 1
        if heard.steps in FULL:
            fill(ballast)
        elif ballast.exists():
            ballast.unlink()

    heard.step = step
    run(Path(disk, "run"), heard)
    shutil.copytree(Path(disk, "run"), away)
    print(json.dumps(heard.notices))


if __name__ == "__main__":
    main(*sys.argv[1:])
