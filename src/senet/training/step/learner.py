"""One training step, and the state that steps share: optimizer, average, loss scale and their counts."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.errors import DivergedError
from senet.inference.forward import autocast, to_memory_format
from senet.training.checkpoint.progress import StepCounts, StepId
from senet.training.setup.freeze import FineTuneConfig, FreezeSchedule
from senet.training.step.ema import ModelEma, copy_into
from senet.training.step.mixup_cutmix import build_mixer
from senet.training.step.optimizer import build_optimizer, init_momentum, set_lr

# fp16: so many overflows in a row are no search for a scale any more.
OVERFLOWS = 20


class Learner:
    """Takes the steps of a recipe.

    Args:
        model: (B, C, H, W) -> (B, classes), on the device to train on; changed in place.
        tuning: How, and what has no trained weights.
        classes: Of the data.
        prepare: Batch of the data, on the device -> the model's input.
        group: The processes that take a step together, each with a slice of its batch.
        class_weights: What each class weighs in the loss, (classes,); None for all the same.
    """

    def __init__(
        self,
        model: nn.Module,
        tuning: FineTuneConfig,
        classes: int,
        prepare: Callable[[Tensor], Tensor],
        group: ProcessGroup = SINGLE_PROCESS,
        class_weights: Tensor | None = None,
    ) -> None:
        self.model, self.prepare, self.group = model, prepare, group
        self.recipe = recipe = tuning.recipe
        self.frozen = FreezeSchedule(model, tuning)
        self.mix = build_mixer(recipe.mix, classes, group.with_previous_item)
        model.to(memory_format=torch.channels_last if recipe.channels_last else torch.contiguous_format)
        if recipe.compile:
            model.compile()
        self.parameters = list(model.parameters())  # walking the modules costs as much as their norm
        self.device = self.parameters[0].device
        self.class_weights = None if class_weights is None else class_weights.to(self.device)
        self.optimizer, self.rate = build_optimizer(model, recipe, tuning.ratio), recipe.lr
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "fp16")
        self.average = ModelEma(model, recipe.ema) if recipe.ema else None
        self.counts = StepCounts()
        self.network = group.wrap_model(model)

    def begin_epoch(self, number: int) -> None:
        """Put the model into training mode, but for what is frozen in this epoch."""
        self.model.train()
        if self.frozen.begin_epoch(number):
            self.network = self.model  # lets the old wrapper go: it would wait for gradients of what is frozen
            self.network = self.group.wrap_model(self.model)
        init_momentum(self.optimizer)

    def eval_weights(self) -> AbstractContextManager[None]:
        """Let the model hold the weights that are evaluated and saved: the average, where the recipe has one."""
        return self.average.applied() if self.average else nullcontext()

    def finish(self) -> None:
        """Leave the model with the weights that were evaluated, and nothing of it frozen."""
        if self.average:
            copy_into(self.model.state_dict(), self.average.state)
        self.frozen.unfreeze()

    @property
    def lr(self) -> float:
        """Learning rate of the next step; inserted blocks keep their ratio to it."""
        return self.rate

    @lr.setter
    def lr(self, value: float) -> None:
        self.rate = value
        set_lr(self.optimizer, value)

    def step(self, images: Tensor, targets: Tensor, at: StepId, weight: float = 1.0) -> float | None:
        """Move the weights by one batch.

        Args:
            images: (B, C, H, W), as the data has them.
            targets: (B,) labels or (B, classes) shares.
            at: Seeds mixup and cutmix; named in errors.
            weight: Of these images' mean loss in the mean over ranks; not 1 where slices of a batch differ in size.

        Returns:
            The loss of the whole batch; None where the step was left out and the weights are what they were.

        Raises:
            DivergedError: Loss or gradient is not finite; no weight has moved.
        """
        inputs, targets = self.mix(self.prepare(images.to(self.device)), targets.to(self.device), at)
        inputs = to_memory_format(inputs, self.recipe.compute)
        buffers = self._buffers()
        self.optimizer.zero_grad()
        loss = self._backward(inputs, targets, weight)
        norm = self._clipped_norm() if math.isfinite(loss) else math.nan
        if math.isfinite(norm) or (self.scaler.is_enabled() and math.isfinite(loss)):
            taken = self._update(at)
        else:
            what = f"the gradient's norm is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
            taken = self._tolerate(what, at)
        if taken:
            return loss
        for buffer, value in buffers:
            buffer.copy_(value)
        return None

    def _backward(self, inputs: Tensor, targets: Tensor, weight: float) -> float:
        """Add up the gradients of the batch's mean loss, part by part, and return the loss.

        A loss that is not finite goes backward too: the other ranks wait for gradients, and get to know by them.
        """
        total = 0.0
        own = self._amount(targets)
        weight = self._part_of_all(targets, own, weight)
        parts = min(self.recipe.accumulate, max(len(inputs) // 2, 1))  # a norm cannot train on one image
        pairs = zip(inputs.tensor_split(parts), targets.tensor_split(parts), strict=True)
        for number, (part, target) in enumerate(pairs, 1):
            with ExitStack() as stack:
                if number < parts:
                    stack.enter_context(self.group.no_sync(self.network))
                loss = self._loss(part, target) * (self._amount(target) / own * weight)
                total += loss.item()
                self.scaler.scale(loss).backward()
        return self.group.all_reduce_sum([total])[0] / self.group.share.ranks

    def _amount(self, targets: Tensor) -> float:
        """Return what some images weigh in a mean loss: as in torch, each as its class, but one all alike if mixed."""
        if self.class_weights is None or targets.ndim > 1:
            return len(targets)
        return self.class_weights[targets].double().sum().item()

    def _part_of_all(self, targets: Tensor, own: float, weight: float) -> float:
        """Return what this rank's mean loss weighs in the mean over ranks: where classes weigh, their sum decides."""
        if self.class_weights is None or targets.ndim > 1:
            return weight
        return own * self.group.share.ranks / self.group.all_reduce_sum([own])[0]

    def _loss(self, part: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of some images."""
        with autocast(self.device, self.recipe.compute):
            logits = self.network(part)
        smoothing = self.recipe.label_smoothing
        return F.cross_entropy(logits.float(), target, self.class_weights, label_smoothing=smoothing)

    def _clipped_norm(self) -> float:
        """Return the norm of all gradients, before they were clipped as the recipe says."""
        self.scaler.unscale_(self.optimizer)
        norm = get_total_norm([parameter.grad for parameter in self.parameters if parameter.grad is not None])
        if self.recipe.clip_norm is not None:
            clip_grads_with_norm_(self.parameters, self.recipe.clip_norm, norm)
        return norm.item()

    def _update(self, at: StepId) -> bool:
        """Step the optimizer, unless the scaled gradients overflowed: then lower the scale. Return whether it did."""
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        after = self.scaler.get_scale()
        if after != before:
            self.counts.scales.append((at.epoch, at.step, after))
        if after < before:
            self._overflowed(at)
            return False
        self.counts.in_a_row = 0
        if self.average:
            self.average.update()
        return True

    def _overflowed(self, at: StepId) -> None:
        self.counts.overflows += 1
        self.counts.in_a_row += 1
        if self.counts.in_a_row >= OVERFLOWS:
            scales = ", ".join(f"{scale:g}" for _, _, scale in self.counts.scales[-OVERFLOWS:])
            what = f"the loss scale fell {OVERFLOWS} times in a row: {scales}"
            raise DivergedError(
                what, where=str(at), do="lower the learning rate (--lr), or train in bf16 (--precision bf16)"
            )

    def _tolerate(self, what: str, at: StepId) -> bool:
        """Count a step that is not finite, and stop where the recipe allows no more of them."""
        if self.counts.non_finite >= self.recipe.skip_non_finite:
            what += f" at learning rate {self.lr:.4g}"
            raise DivergedError(what, where=str(at), do="lower the learning rate (--lr)")
        self.counts.non_finite += 1
        return False

    def _buffers(self) -> list[tuple[Tensor, Tensor]]:
        """Copy what a forward pass changes, where a step may be left out: one NaN would stay in a norm for good."""
        if not (self.scaler.is_enabled() or self.recipe.skip_non_finite):
            return []
        return [(buffer, buffer.clone()) for buffer in self.model.buffers()]
