"""timm's and torchvision's own training loops, for benchmarks/training.py, from the pieces that both publish.

Neither script is in a wheel. These loops do per step what timm's ``train.py`` and torchvision's
``references/classification/train.py`` do with no option but ours of batch size, image size and workers: their data
set, transforms, loader, loss, optimizer, meters and, for timm, the schedule's step. Left out, in their favour: log
lines, pinned memory (there is no GPU), evaluation and checkpoints.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import pil_loader

Batches = Iterable[tuple[Tensor, Tensor]]
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Input:
    """What a loader is asked for.

    Args:
        folder: Class folders of the training images.
        size: Height and width of a crop.
        channels: 3, or 1 for luminance.
        batch_size: Images a step.
    """

    folder: Path
    size: int
    channels: int
    batch_size: int

    @property
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation; their values do not matter here, their number does."""
        mean, std = IMAGENET
        return mean[: self.channels], std[: self.channels]


def torchvision_batches(asked: Input, workers: int) -> Batches:
    """ImageFolder and the reference's training preset."""
    preset = transforms.Compose(
        [
            transforms.RandomResizedCrop(asked.size),
            transforms.RandomHorizontalFlip(),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float),
            transforms.Normalize(*asked.statistics),
        ]
    )
    loader = pil_loader if asked.channels == 3 else _grey
    data = ImageFolder(str(asked.folder), preset, loader=loader)
    sampler = torch.utils.data.RandomSampler(data)
    return torch.utils.data.DataLoader(data, asked.batch_size, sampler=sampler, num_workers=workers)


def _grey(path: str) -> Any:
    return pil_loader(path).convert("L")


def timm_batches(asked: Input, workers: int, color_jitter: float = 0.4, interpolation: str = "random") -> Batches:
    """Folder data set, training transform and prefetching loader of timm, on the CPU."""
    from timm.data.dataset_factory import create_dataset
    from timm.data.loader import create_loader

    mode = "RGB" if asked.channels == 3 else "L"
    data = create_dataset("", root=str(asked.folder), split="train", is_training=True, input_img_mode=mode)
    batches: Batches = create_loader(
        data,
        input_size=(asked.channels, asked.size, asked.size),
        batch_size=asked.batch_size,
        is_training=True,
        color_jitter=color_jitter,
        interpolation=interpolation,
        mean=asked.statistics[0],
        std=asked.statistics[1],
        num_workers=workers,
        device=torch.device("cpu"),
    )
    return batches


class Torchvision:
    """The reference's loop: SGD, cross entropy, two accuracies a step."""

    def __init__(self, model: nn.Module, batches: Batches) -> None:
        self.model, self.batches = model.train(), endless(batches)
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
        self.criterion = nn.CrossEntropyLoss()
        self.seen: list[tuple[float, ...]] = []

    def step(self, image: Tensor, target: Tensor) -> None:
        """One step, and what the reference's meters note of it."""
        output = self.model(image)
        loss = self.criterion(output, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        hits = output.topk(5, dim=1).indices.t() == target[None]
        top1, top5 = (hits[:k].flatten().sum(dtype=torch.float32) * (100 / len(target)) for k in (1, 5))
        self.seen.append((loss.item(), top1.item(), top5.item()))


class Timm:
    """timm's loop: Nesterov SGD, smoothed labels, a schedule that steps with every update."""

    def __init__(self, model: nn.Module, batches: Batches) -> None:
        from timm.loss.cross_entropy import LabelSmoothingCrossEntropy
        from timm.optim._optim_factory import create_optimizer_v2
        from timm.scheduler.cosine_lr import CosineLRScheduler
        from timm.utils.metrics import AverageMeter

        self.model, self.batches = model.train(), endless(batches)
        self.optimizer = create_optimizer_v2(model, opt="sgd", lr=0.05, weight_decay=2e-5, momentum=0.9)
        self.criterion = LabelSmoothingCrossEntropy(smoothing=0.1)
        self.schedule = CosineLRScheduler(self.optimizer, t_initial=300, warmup_t=5, warmup_lr_init=1e-5)
        self.losses, self.updates = AverageMeter(), 0

    def step(self, image: Tensor, target: Tensor) -> None:
        """One step."""
        loss = self.criterion(self.model(image), target)
        loss.backward()
        self.optimizer.step()
        self.losses.update(loss.item(), image.size(0))
        self.updates += 1
        self.optimizer.zero_grad()
        self.schedule.step_update(num_updates=self.updates, metric=self.losses.avg)


def window(loop: Torchvision | Timm) -> Callable[[int], float]:
    """Return what takes so many steps and says how many seconds they took.

    The workers live through all windows and have filled their queues when one begins, as in the midst of an epoch.
    """

    def run(steps: int) -> float:
        start = time.perf_counter()
        for image, target in islice(loop.batches, steps):
            loop.step(image, target)
        return time.perf_counter() - start

    return run


def endless(batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """Begin again where an epoch ends; the first workers start with the first batch."""
    while True:
        yield from batches
