"""One rank of a run of the toy feed, as torchrun starts it; the same feed and recipes serve the test itself."""

import gc
import os
import signal
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
from torch import nn

from senet import SE, insert
from senet.data.sampling.rank_share import SINGLE_RANK
from senet.distributed import init
from senet.distributed.heartbeat import Heartbeat
from senet.distributed.init import process_group
from senet.training import Recipe, train
from senet.training.recipe.settings import Ema, MixupCutmix, WarmUp
from senet.weights import write_state
from toy import RECIPE, Heard, ToyFeed, ToyHeldOut, job, toy_network


class Sliced(ToyFeed):
    """The toy feed of one rank."""

    def __init__(self, share=SINGLE_RANK, count=44, batch_size=8, noise=3):
        super().__init__(count, batch_size, noise)
        self.share = share
        self.validation, self.test = (
            ToyHeldOut(share.of(part.images[:21]), share.of(part.labels[:21])) for part in (self.validation, self.test)
        )

    def train_batches(self, seed, epoch, first_step=0):
        for images, labels in super().train_batches(seed, epoch, first_step):
            yield self.share.of(images), self.share.of(labels)

    def sample_ids(self, seed, epoch, step):
        index = self.share.of(self._order(seed, epoch)[step])
        return tuple(f"train/{int(i)}" for i in index)


def without_norms(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 3, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(6, 8, 3, stride=2, padding=1),
            relu2=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(8, 3),
        )
    )


class WithSpare(nn.Module):
    """A network of which a part is never run."""

    def __init__(self):
        super().__init__()
        self.used, self.spare = without_norms(), nn.Linear(2, 2)

    def forward(self, x):
        return self.used(x)


@dataclass(frozen=True)
class Case:
    """A run that one process and several do alike."""

    recipe: Recipe
    network: object = without_norms
    count: int = 44
    fresh: tuple[str, ...] | None = None


def gated():
    return insert(without_norms(), SE(reduction=2), where="relu1", example=(1, 1, 8, 8))


SHORT = Recipe(epochs=2, batch_size=8, lr=0.05)
FULL = replace(SHORT, ema=Ema(0.9), mix=MixupCutmix(mixup=0.2, cutmix=1.0), warm_up=WarmUp(1), clip_norm=0.5)
CASES = {
    "plain": Case(SHORT),
    "a last batch of three": Case(SHORT, count=43),
    "odd batches": Case(replace(FULL, batch_size=9)),
    "average, mixing, clipping": Case(FULL),
    "accumulated": Case(replace(FULL, accumulate=2)),
    "fp16": Case(replace(SHORT, precision="fp16")),
    "adamw, smoothing": Case(replace(SHORT, label_smoothing=0.1, weight_decay=0.1)),
    "weighed classes": Case(replace(SHORT, accumulate=2, class_weights=(1.0, 5.0, 0.2)), count=43),
    "weighed classes, mixed": Case(replace(FULL, class_weights=(1.0, 5.0, 0.2))),
    "frozen norms": Case(replace(SHORT, freeze_norms_from=1), lambda: toy_network(dropout=0.0)),
    "norms frozen later": Case(replace(SHORT, freeze_norms_from=2), lambda: toy_network(dropout=0.0)),
    "a trunk that waits": Case(replace(FULL, freeze_trunk=1, lr=0.01), gated, fresh=("fc",)),
}  # fmt: skip


def run_case(case, folder, group=None):
    share = group.share if group else SINGLE_RANK
    feed = Sliced(share, case.count, case.recipe.batch_size)
    asked = job(folder, recipe=case.recipe, fresh=case.fresh)
    return train(case.network(), feed, asked, write_state, None, *([group] if group else []))


def equal(root, *names):
    """Do cases, one after the other."""
    with process_group("cpu") as (group, _):
        for name in names:
            trained = run_case(CASES[name], Path(root) / name, group)
            print(f"rank {group.share.rank}: {name}: {trained.test.images}", flush=True)


class Faulty(Heard):
    """Does something in a step of the first attempt; all ranks listen, rank 0 alone is told."""

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def begin(self, steps, done):
        self.steps = done
        with self.path.open("a") as file:
            file.write(f"begin {done}\n")

    def notice(self, message):
        with self.path.open("a") as file:
            file.write(f"notice {message}\n")


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def fail():
    raise ValueError("this rank has a fault of its own")


def kill_launcher():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)  # nothing but the heartbeat ends this rank


def terminate_launcher():
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(2)  # until it has told the ranks


ACTS = {"kill": kill, "stop": stop, "raise": fail, "launcher": kill_launcher, "terminate": terminate_launcher}


class Breaking(Sliced):
    """Breaks on one rank when it is asked for a batch."""

    def __init__(self, share, act, rank, step, marker):
        super().__init__(share)
        self.act, self.here, self.step, self.marker = ACTS[act], rank == share.rank, step, marker

    def train_batches(self, seed, epoch, first_step=0):
        steps = (epoch - 1) * self.steps_per_epoch + first_step
        for batch in super().train_batches(seed, epoch, first_step):
            if self.here and steps == self.step and not self.marker.exists():
                self.marker.touch()
                self.act()
            steps += 1
            yield batch


def broken(root, act, rank, step):
    """A run that breaks once, and goes on where a checkpoint stands."""
    root = Path(root)
    init.Heartbeat = partial(Heartbeat, interval=1.0)  # half of the usual: a rank that hangs is missed in 8 seconds
    with process_group("cpu") as (group, _):
        feed = Breaking(group.share, act, int(rank), int(step), root / "broken")
        resume = group.broadcast_from_rank0(lambda: any((root / "checkpoints").glob("epoch-*")))
        asked = job(root, recipe=RECIPE, resume=resume)
        train(toy_network(), feed, asked, write_state, Faulty(root / "heard.txt"), group)


def resumed(root, epochs):
    """A run that is asked for more epochs than the folder holds."""
    with process_group("cpu") as (group, _):
        recipe = replace(SHORT, epochs=int(epochs))
        asked = job(root, recipe=recipe, resume=any(Path(root, "checkpoints").glob("epoch-*")))
        train(without_norms(), Sliced(group.share), asked, write_state, Faulty(Path(root, "heard.txt")), group)


def unlike(root, what):
    """A run of ranks that were given different things."""
    with process_group("cpu") as (group, _):
        odd = group.share.rank == 1
        network = WithSpare() if what == "unused" else without_norms(seed=odd and what == "weights")
        feed = Sliced(group.share, noise=4 if odd and what == "data" else 3)
        recipe = replace(SHORT, lr=0.02 if odd and what == "recipe" else 0.05)
        train(network, feed, job(root, recipe=recipe), write_state, None, group)


def slow(root):
    """A rank 0 that works for longer than an exchange may take, before the first of them."""
    init.COLLECTIVE_TIMEOUT = timedelta(seconds=3)
    with process_group("cpu") as (group, _):
        found = group.broadcast_from_rank0(lambda: time.sleep(6) or "scanned")
        first = group.local_rank0_first(lambda: time.sleep(0 if group.share.rank else 6))
        Path(root, str(group.share.rank)).write_text(f"{found} {first} {group.all_reduce_sum([1.0])}")


def main(act, *arguments):
    torch.set_num_threads(1)
    acts = {"equal": equal, "broken": broken, "resumed": resumed, "unlike": unlike, "slow": slow}
    acts[act](*arguments)
    gc.collect()
    left = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert not any("gloo" in name for name in left), f"threads of the process group outlive it: {sorted(left)}"


if __name__ == "__main__":
    main(*sys.argv[1:])
