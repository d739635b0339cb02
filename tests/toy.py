"""A small feed and network, the same in a test and in the processes that it starts."""

import hashlib
import itertools
import os
import pkgutil
import signal
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from senet.data import Augmentation, Dataset, Split, generator
from senet.data.transforms.evaluation import InputTransform
from senet.training import Recipe, TrainingJob, train
from senet.training.recipe.settings import Ema, MixupCutmix, WarmUp
from senet.weights import write_state

CLASSES = ("a", "b", "c")


@dataclass(frozen=True)
class ToyHeldOut:
    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self):
        return len(self.labels)

    def __iter__(self):
        return zip(self.images.split(20), self.labels.split(20), strict=True)

    def sample_ids(self, step):
        return tuple(f"held/{i}" for i in range(20 * step, 20 * step + 20))


class ToyFeed:
    """Images whose brightness tells the class, under noise that is a function of (seed, epoch, sample)."""

    name, classes = "toy", CLASSES

    def __init__(self, count=44, batch_size=8, noise=3):
        self.labels = torch.arange(count) % 3
        draw = torch.Generator().manual_seed(noise)
        self.images = torch.randint(0, 80, (count, 1, 8, 8), generator=draw) + 60 * self.labels[:, None, None, None]
        self.images = self.images.to(torch.uint8)
        self.batch_size = batch_size
        self.train = range(count)
        self.transform = InputTransform((8, 8), 8, (0.5,), (0.3,))
        self.validation, self.test = (ToyHeldOut(self.images[i::2], self.labels[i::2]) for i in (0, 1))

    @property
    def steps_per_epoch(self):
        return len(self._order(0, 0))

    def _order(self, seed, epoch):
        return torch.randperm(len(self.labels), generator=generator(seed, "order", epoch)).split(self.batch_size)

    def fingerprint(self):
        return hashlib.sha256(self.images.numpy().tobytes()).hexdigest()

    def train_batches(self, seed, epoch, first_step=0):
        for index in self._order(seed, epoch)[first_step:]:
            noise = [torch.randint(0, 9, (1, 8, 8), generator=generator(seed, "n", epoch, int(i))) for i in index]
            yield self.images[index] + torch.stack(noise).to(torch.uint8), self.labels[index]

    def sample_ids(self, seed, epoch, step):
        return tuple(f"train/{int(i)}" for i in self._order(seed, epoch)[step])


def toy_network(seed=0, dropout=0.2):
    torch.manual_seed(seed)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(6),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(6, 8, 3, stride=2, padding=1),
            bn2=nn.BatchNorm2d(8),
            relu2=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(dropout),
            fc=nn.Linear(8, 3),
        )
    )


def toy_dataset(count=48, size=8):
    """The same kind of images, all in memory."""
    labels = torch.arange(count) % 3
    images = torch.randint(0, 80, (count, 1, size, size), generator=torch.Generator().manual_seed(3))
    split = Split((images + 80 * labels[:, None, None, None]).to(torch.uint8), labels)
    return Dataset("toy", CLASSES, split, split, split, Augmentation(1, True), (0.5,), (0.3,))


RECIPE = Recipe(
    epochs=4,
    batch_size=8,
    lr=0.05,
    ema=Ema(0.9),
    mix=MixupCutmix(mixup=0.2, cutmix=1.0),
    warm_up=WarmUp(1),
    clip_norm=5.0,
)


def job(folder, **changes):
    return TrainingJob(**{"recipe": RECIPE, "seed": 3, "folder": Path(folder), "save_every": 2, **changes})


def run(folder, watch=None, feed=None, **changes):
    return train(toy_network(), feed or ToyFeed(), job(folder, **changes), write_state, watch)


class Heard:
    """Keeps what a run tells."""

    def __init__(self):
        self.notices, self.rows, self.steps, self.begun = [], [], 0, None

    def begin(self, steps, done):
        self.begun = steps, done

    def step(self, loss, lr, images):
        self.steps += 1

    def epoch(self, row):
        self.rows.append(row)

    def notice(self, message):
        self.notices.append(message)


def stop_after(steps, number=signal.SIGINT):
    """A callback that sends this process a signal in a step."""
    heard = Heard()

    def step(loss, lr, images):
        heard.steps += 1
        if heard.steps == steps:
            os.kill(os.getpid(), number)

    heard.step = step
    return heard


def die_at(target, count):
    """Kill this process, as ``kill -9`` does, just before the count-th call of a function."""
    name, _, attribute = target.rpartition(".")
    owner = pkgutil.resolve_name(name)
    real, calls = getattr(owner, attribute), itertools.count(1)

    def wrapped(*args, **kwargs):
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(owner, attribute, wrapped)


class Ready(Heard):
    def __init__(self, said):
        super().__init__()
        self.said = said

    def begin(self, steps, done):
        self.said.send("ready")


def main(said, folder, epochs, save_every, *death):
    """Train, or go on, in a process of its own; ``death`` is what :func:`die_at` takes."""
    torch.set_num_threads(1)
    if death:
        die_at(*death)
    resume = any(Path(folder, "checkpoints").glob("epoch-*"))
    run(folder, Ready(said), recipe=replace(RECIPE, epochs=epochs), save_every=save_every, resume=resume)
