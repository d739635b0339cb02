"""One side of benchmarks/against.py: does what it is told by name, with the senet on its path; names that both have."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from senet import create
from senet.data import Augmentation, Dataset, DataSettings, Split, load, resolved
from senet.networks import initialise, named_stream
from senet.study.plan import Plan, of_specs
from senet.study.runners.local import _work
from senet.training import Job, Recipe, train
from senet.training.feeding import memory_feed
from senet.weights import write_state

VARIANTS = ("none", "SE(reduction=4)", "CBAM(reduction=4)", "SK(groups=1)")
DIGITS = resolved(DataSettings("digits", train_fraction=0.1))


def trial(variant: str) -> Callable[[Path], object]:
    """A trial of the default study as a worker runs it: built, trained, scored, kept."""
    plan = Plan("resnet8", of_specs(VARIANTS), 1, DIGITS, Recipe(epochs=40))
    found = next(t for t in plan.trials(load(DIGITS).fingerprint(), {}) if t.variant == variant)
    return lambda folder: _work(found, folder)


def trained(network: str, data: Dataset, recipe: Recipe) -> Callable[[Path], object]:
    """``train()`` with its files, as ``senet train`` calls it."""

    def run(folder: Path) -> object:
        made = create(network, num_classes=len(data.classes), in_channels=data.channels)
        model = initialise(made, named_stream(0))
        return train(model, memory_feed(data, recipe), Job(recipe, 0, folder / "run"), write_state)

    return run


def photographs(count: int) -> Dataset:
    """Images of CIFAR-10's kind and size, of noise."""
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    split = Split(images.to(torch.uint8), torch.arange(count) % 10)
    return Dataset("noise", tuple("0123456789"), split, split, split, Augmentation(4, True), (0.5,) * 3, (0.25,) * 3)


CASES = {
    **{f"trial of the default study, {variant}": trial(variant) for variant in VARIANTS},
    "train(), ResNet-8, digits": trained("resnet8", load(DIGITS), Recipe(epochs=20)),
    "train(), ResNet-20, 32 x 32": trained("resnet20", photographs(1024), Recipe(epochs=1, batch_size=128)),
}


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as name:
            start = time.perf_counter()
            CASES[line.rstrip("\n")](Path(name))
            print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
