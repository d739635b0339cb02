"""One side of benchmarks/against.py: does what it is told by name, with the senet on its path; names that both have."""

import atexit
import contextlib
import functools
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from senet import create
from senet.cli import run
from senet.data import (
    Augmentation,
    Batching,
    DataConfig,
    Dataset,
    InputTransform,
    Loading,
    Split,
    load,
    open_folder,
    open_shards,
    resolved,
)
from senet.data.transforms.augment import imagenet_transforms
from senet.networks import initialise, named_stream
from senet.study.build_variants import variants_from_specs
from senet.study.plan import Plan
from senet.study.runners.local import _work
from senet.training import Recipe, TrainingJob, train
from senet.training.feeds import memory_feed
from senet.weights import write_state

# Of senet.study, which the version before may lack.
VARIANTS = ("none", "SE(reduction=4)", "CBAM(reduction=4)", "SK(groups=1)")
DIGITS = resolved(DataConfig("digits", train_fraction=0.1))


def trial(variant: str) -> Callable[[Path], object]:
    """A trial of the default study as a worker runs it: built, trained, scored, kept."""
    plan = Plan("resnet8", variants_from_specs(VARIANTS), 1, DIGITS, Recipe(epochs=40))
    found = next(t for t in plan.trials(load(DIGITS).fingerprint(), {}) if t.variant == variant)
    return lambda folder: _work(found, folder)


def trained(network: str, data: Dataset, recipe: Recipe) -> Callable[[Path], object]:
    """``train()`` with its files, as ``senet train`` calls it."""

    def run(folder: Path) -> object:
        made = create(network, num_classes=len(data.classes), in_channels=data.channels)
        model = initialise(made, named_stream(0))
        return train(model, memory_feed(data, recipe), TrainingJob(recipe, 0, folder / "run"), write_state)

    return run


def photographs(count: int) -> Dataset:
    """Images of CIFAR-10's kind and size, of noise."""
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    split = Split(images.to(torch.uint8), torch.arange(count) % 10)
    return Dataset("noise", tuple("0123456789"), split, split, split, Augmentation(4, True), (0.5,) * 3, (0.25,) * 3)


@functools.cache
def photos() -> Path:
    """A folder of 192 JPEGs of 500 x 375 pixels, and the shards that it was packed into."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root)
    draw = torch.Generator().manual_seed(0)
    for i in range(208):
        pixels = torch.randint(0, 256, (30, 40, 3), dtype=torch.uint8, generator=draw)
        path = root / "photos" / ("train" if i < 192 else "test") / "ab"[i % 2] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.numpy()).resize((500, 375), Image.Resampling.BICUBIC).save(path)
    with contextlib.redirect_stdout(sys.stderr):
        run(["data", "pack", str(root / "photos"), "--out", str(root / "shards"), "--samples-per-shard", "48"])
    return root


def loaded(kind: str) -> Callable[[Path], object]:
    """An epoch of random resized crops in two workers, the training images alone; nothing is trained."""
    opened = {"photos": open_folder, "shards": open_shards}[kind]
    transform = InputTransform((224, 224), 256, (0.5,) * 3, (0.25,) * 3)

    def epoch(folder: Path) -> object:
        feed = opened(photos() / kind, transform, Batching(32, imagenet_transforms()), Loading(2), validation_share=0)
        return [len(images) for images, _ in feed.train_batches(0, 1)]

    return epoch


CASES = {
    **{f"trial of the default study, {variant}": trial(variant) for variant in VARIANTS},
    "train(), ResNet-8, digits": trained("resnet8", load(DIGITS), Recipe(epochs=20)),
    **{f"an epoch of {kind} decoded by two workers": loaded(kind) for kind in ("photos", "shards")},
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
