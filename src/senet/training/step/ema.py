"""An exponential moving average of a model's parameters and of its norms' statistics."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from senet.training.recipe.settings import Ema


class ModelEma:
    """mean <- d mean + (1 - d) value after every step, for parameters and floating-point buffers.

    Buffers are averaged too: an average of weights with the last step's batch-norm statistics is a model that
    nobody trained. Counters are copied.

    Args:
        model: Averaged; keeps its own weights.
        settings: Decay, and whether it is ramped.
    """

    def __init__(self, model: nn.Module, settings: Ema) -> None:
        self.model, self.settings = model, settings
        self.updates = 0
        self.state: dict[str, Tensor] = {name: value.clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's weights of this step in."""
        self.updates += 1
        values = self.model.state_dict()
        floating = [name for name, value in values.items() if value.is_floating_point()]
        average = get_ema_multi_avg_fn(self.decay())
        average([self.state[name] for name in floating], [values[name] for name in floating], self.updates)
        for name in values.keys() - set(floating):
            self.state[name].copy_(values[name])

    def decay(self) -> float:
        """Return the decay of the current update."""
        if not self.settings.ramp:
            return self.settings.decay
        return min(self.settings.decay, (1 + self.updates) / (10 + self.updates))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model hold the average, and afterwards its own weights again, to the byte."""
        own = {name: value.clone() for name, value in self.model.state_dict().items()}
        copy_into(self.model.state_dict(), self.state)
        try:
            yield
        finally:
            copy_into(self.model.state_dict(), own)


@torch.no_grad()
def copy_into(targets: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into tensors of the same names, which keep their memory layout."""
    for name, target in targets.items():
        target.copy_(values[name])
