"""What a model takes images for, noted while it is scored: in memory of the few images that are kept."""

import base64
import heapq
import io
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from senet.distributed.process_group import ProcessGroup
from senet.inference.confusion_matrix import ConfusionMatrix, Mistake

if TYPE_CHECKING:  # they import torchvision
    from senet.data.loader.feed import Batch, HeldOut

KEPT = 24  # images that are not recognised
SIDE = 80  # pixels of a picture's longer side; larger images are made smaller


@dataclass(frozen=True)
class _WrongImage:
    mistake: Mistake
    image: Tensor


class ConfusionMeter:
    """Notes pairs of class and first guess, and keeps the images of the greatest loss among those not recognised.

    Of equal losses the earlier image is kept. Nothing that is noted changes what is scored.
    """

    def __init__(self) -> None:
        self.outputs = 0
        self.pairs: Counter[tuple[int, int]] = Counter()
        self.worst: list[_WrongImage] = []
        self.names: tuple[str, ...] = ()

    def batches(self, split: "HeldOut") -> Iterator["Batch"]:
        """Yield the batches of a split; what the images of each are called is known while it is scored."""
        from senet.data.loader.feed import named_batches

        for batch, self.names in named_batches(split):
            yield batch

    def update(self, images: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Note a batch.

        Args:
            images: (B, C, H, W), as the data has them.
            logits: (B, classes).
            labels: (B,), on the device of the logits.
        """
        self.outputs = logits.shape[1]
        guesses = logits.argmax(1)
        self.pairs.update(zip(labels.tolist(), guesses.tolist(), strict=True))
        losses = F.cross_entropy(logits.float(), labels, reduction="none").nan_to_num(nan=math.inf)
        bound = self.worst[-1].mistake.loss if len(self.worst) == KEPT else -1.0
        wrong = ((guesses != labels) & (losses > bound)).nonzero().flatten()
        first = losses[wrong].argsort(descending=True, stable=True)[:KEPT]
        new = [self._wrong(at, images, logits, labels, losses) for at in wrong[first].tolist()]
        self.worst = _greatest([*self.worst, *new])

    def _wrong(self, at: int, images: Tensor, logits: Tensor, labels: Tensor, losses: Tensor) -> _WrongImage:
        likely, true, guess = logits[at].float().softmax(0), int(labels[at]), int(logits[at].argmax())
        probabilities = likely[guess].item(), likely[true].item()
        return _WrongImage(
            Mistake(self.names[at], true, guess, *probabilities, losses[at].item(), ""), images[at].clone()
        )

    def compute(self, group: ProcessGroup) -> ConfusionMatrix:
        """Return what all ranks noted, the same as one process does; all of them call it."""
        mine = [replace(wrong.mistake, picture=png_data_uri(wrong.image)) for wrong in self.worst]
        outputs, pairs, mistakes = zip(*group.all_gather((self.outputs, self.pairs, mine)), strict=True)
        found = sorted(sum(pairs, Counter[tuple[int, int]]()).items())
        kept = heapq.nsmallest(KEPT, [one for some in mistakes for one in some], key=lambda one: -one.loss)
        return ConfusionMatrix(max(outputs), tuple((*pair, count) for pair, count in found), tuple(kept))


def _greatest(found: list[_WrongImage]) -> list[_WrongImage]:
    return heapq.nsmallest(KEPT, found, key=lambda wrong: -wrong.mistake.loss)  # stable


def png_data_uri(image: Tensor) -> str:
    """Return an image, (C, H, W) uint8, as a small PNG in a data URI; empty where it is neither grey nor RGB."""
    if image.dtype != torch.uint8 or image.shape[0] not in (1, 3):
        return ""
    from senet.data.transforms.evaluation import to_image

    shown = to_image(image.cpu())
    shown.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    shown.save(file, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
