"""One rank of benchmarks/scaling.py: windows of a run on its own and of a run together, in turn."""

import json
import sys
import tempfile
import time
from pathlib import Path

import torch

from senet import create
from senet.data import Augmentation, Dataset, Share, Split
from senet.distributed.init import process_group
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.networks.init import initialise, named_stream
from senet.training import Recipe, TrainingJob, train
from senet.training.callbacks import EpochCallback
from senet.training.feeds import memory_feed

WARM = 2  # steps
HELD_OUT = 4  # images: scoring is not timed


class Clock(EpochCallback):
    """Notes when steps end."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = list[float]()

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())


def images(count: int) -> Split:
    return Split(torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8), torch.arange(count) % 10)


def data(count: int) -> Dataset:
    few, names = images(HELD_OUT), tuple("abcdefghij")
    return Dataset("noise", names, images(count), few, few, Augmentation(4, True), (0.5,) * 3, (0.25,) * 3)


def rate(group: ProcessGroup, batch: int, steps: int) -> float:
    """Images a second of one epoch, after its first steps; of all ranks of a process group."""
    whole = batch * group.share.ranks
    recipe = Recipe(epochs=1, batch_size=whole)
    feed = memory_feed(data(whole * (steps + WARM)), recipe, Share(group.share.rank, group.share.ranks))
    model, clock = initialise(create("resnet20"), named_stream(0)), Clock()
    with tempfile.TemporaryDirectory() as own:
        folder = Path(group.broadcast_from_rank0(lambda: own))
        train(model, feed, TrainingJob(recipe, 0, folder), lambda *written: folder, clock, group)
        group.broadcast_from_rank0(lambda: None)  # the folder is rank 0's until all have left it
    ends = group.broadcast_from_rank0(lambda: clock.ends)
    return whole * steps / (ends[-1] - ends[WARM - 1])


def main(batch: int, steps: int, rounds: int, out: Path) -> None:
    """Write the rates of every round."""
    torch.manual_seed(0)
    found = []
    with process_group("cpu") as (group, _):
        for _ in range(rounds):
            group.broadcast_from_rank0(lambda: None)  # all start the window together
            apart = sum(group.all_gather(rate(SINGLE_PROCESS, batch, steps)))
            found.append({"apart": apart, "together": rate(group, batch, steps)})
        group.broadcast_from_rank0(lambda: out.write_text(json.dumps(found)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
