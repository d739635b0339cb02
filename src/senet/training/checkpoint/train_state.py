"""Everything that a learner's next step depends on, as tensors and plain values, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from senet.data.unused import Unread
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.training.checkpoint.progress import StepCounts, TrainProgress
from senet.training.step.ema import copy_into
from senet.training.step.learner import Learner


@dataclass
class TrainState:
    """Everything that a run's next step depends on.

    Args:
        learner: Network, optimizer, average.
        progress: Where the run stands.
        best: State dict of the best epoch so far.
        unread: Images that could not be read so far, on any rank.
    """

    learner: Learner
    progress: TrainProgress = field(default_factory=TrainProgress)
    best: dict[str, Tensor] = field(default_factory=dict)
    unread: Unread = field(default_factory=dict)

    def checkpoint(self, identity: Mapping[str, Any]) -> Checkpoint:
        """Return it as a checkpoint of the run that ``identity`` names."""
        tensors = {**learner_tensors(self.learner), **{f"best/{name}": value for name, value in self.best.items()}}
        values = {
            "identity": dict(identity),
            "position": asdict(self.progress),
            "learner": learner_values(self.learner),
        }
        values |= {"unread": self.unread} if self.unread else {}
        return Checkpoint(tensors, values)


def learner_tensors(learner: Learner) -> dict[str, Tensor]:
    """Return weights, buffers, average and the optimizer's moments, by name."""
    tensors = {f"model/{name}": value for name, value in learner.model.state_dict().items()}
    if learner.average:
        tensors |= {f"average/{name}": value for name, value in learner.average.state.items()}
    numbers = _numbers(learner.optimizer)
    for index, moments in learner.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{numbers[index]}/{key}": value for key, value in moments.items() if value is not None}
    return tensors


def learner_values(learner: Learner) -> dict[str, Any]:
    """Return the rest, JSON-ready."""
    return {
        "counts": asdict(learner.counts),
        "average_updates": learner.average.updates if learner.average else 0,
        "scaler": learner.scaler.state_dict(),
    }


def restore_learner(learner: Learner, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Set a learner of the same recipe and network back to what was saved."""
    copy_into(learner.model.state_dict(), with_prefix(tensors, "model"))
    if learner.average:
        copy_into(learner.average.state, with_prefix(tensors, "average"))
        learner.average.updates = values["average_updates"]
    _restore_moments(learner.optimizer, with_prefix(tensors, "optimizer"))
    if learner.scaler.is_enabled():
        learner.scaler.load_state_dict(dict(values["scaler"]))
    counts = values["counts"]
    learner.counts = StepCounts(**{**counts, "scales": [tuple(entry) for entry in counts["scales"]]})


def with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors below a prefix, by the rest of their names."""
    return {name.partition("/")[2]: value for name, value in tensors.items() if name.startswith(f"{prefix}/")}


def _restore_moments(optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    index_of = {number: index for index, number in enumerate(_numbers(optimizer))}
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        number, _, key = name.partition("/")
        index = index_of[int(number)]
        state.setdefault(index, {})[key] = _as_laid_out(value, parameters[index])
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _numbers(optimizer: torch.optim.Optimizer) -> list[int]:
    """Return the numbers of the optimizer's parameters in a checkpoint, in the order that it has them in."""
    return [number for group in optimizer.param_groups for number in group["numbers"]]


def _as_laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """Give a moment its parameter's memory layout: fused optimizers walk both in the order of memory."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
