"""What a step's time goes to, part by part, and the machine's rate of matrix multiplication beside it."""

import io
import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from senet import cost
from senet.data import Feed, StreamFeed
from senet.data.images.decode import open_rgb
from senet.data.sampling.seeding import seed_all
from senet.inference.forward import autocast
from senet.training import Recipe
from senet.training.step.optimizer import build_optimizer

# What was done, seconds, and how many images or 10^9 operations it was done to.
Part = tuple[str, float, float]
SIDE = 2048


class Clock:
    """Gives the time since it was last asked."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def __call__(self) -> float:
        """Return it, in seconds."""
        before, self.last = self.last, time.perf_counter()
        return self.last - before


class Steps:
    """A training step of ours taken apart.

    Args:
        model: Trained.
        feed: Gives the batches; decoding, where there is any, runs in its workers and is not in the parts.
        recipe: Gives the optimizer and the precision.
    """

    def __init__(self, model: nn.Module, feed: Feed, recipe: Recipe) -> None:
        self.model = model.to(memory_format=torch.channels_last).train()
        self.batches, self.normalise = feed.train_batches(0, 1), feed.transform.normalise
        self.optimizer, self.recipe = build_optimizer(model, recipe), recipe
        height, width = feed.transform.size
        # A multiplication and an addition each; backward is twice forward.
        self.giga = 2e-9 * cost(model, (feed.transform.channels, height, width)).multiply_adds

    def parts(self) -> Iterator[Part]:
        """Yield the parts of one step."""
        clock = Clock()
        images, labels = next(self.batches)
        count = len(labels)
        yield "next batch", clock(), count
        inputs = self.normalise(images)
        yield "normalise", clock(), count
        loss = self.forward(inputs, labels)
        yield "forward", clock(), count
        self.optimizer.zero_grad()
        loss.backward()
        yield "backward", clock(), count
        loss.item()
        get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None]).item()
        yield "check of loss and gradient", clock(), count
        self.optimizer.step()
        yield "optimizer", clock(), count

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss."""
        with autocast(inputs.device, self.recipe.compute):
            logits = self.model(inputs)
        return F.cross_entropy(logits.float(), labels)


def product(recipe: Recipe) -> Part:
    """Multiply two matrices in the recipe's precision."""
    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    left, right = torch.ones(SIDE, SIDE, dtype=dtype), torch.ones(SIDE, SIDE, dtype=dtype)
    clock = Clock()
    torch.mm(left, right)
    return "matrix product", clock(), 2e-9 * SIDE**3


def worker_parts(feed: StreamFeed, images: int) -> Iterator[Part]:
    """Yield what a worker does to one image after the other, on one core."""
    samples = feed.train.samples
    for index in torch.randperm(len(samples))[:images].tolist():
        clock = Clock()
        data = samples.read(index)
        yield "read", clock(), 1
        image = open_rgb(data)
        yield "decode", clock(), 1
        seed_all(0, index)
        image = feed.batching.transformed(image)
        yield "augment", clock(), 1
        torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        yield "to bytes", clock(), 1
        drafted(data)
        yield "draft", clock(), 1


def drafted(data: bytes) -> None:
    """Decode as small as libjpeg can above a short side of 256: other pixels, which no loader here uses."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (256, 256))
        image.convert("RGB")
