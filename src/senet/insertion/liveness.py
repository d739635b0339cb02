"""liveness(): does every block run, does its gate say anything, does every parameter learn?"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from senet.accounting.operators import iter_tensors
from senet.attention import is_attention
from senet.attention.bounds import gate_bounds, saturated
from senet.insertion.example_input import Example, example_arguments

# A gate is constant where no two images of the batch differ by more than this.
SAME = 1e-6


@dataclass(frozen=True)
class GateLiveness:
    """What one gate did in one forward pass.

    Args:
        name: Of the block whose gate it is.
        runs: How often it ran; a block that never ran has 0, and NaN below.
        low: Its smallest value.
        mean: Of all values.
        high: Its largest value.
        constant: Share of its values that are the same for all images of the batch.
        saturated: Share of its values within 1% of an end of their range; 0 for a gate of unknown range.
    """

    name: str
    runs: int
    low: float
    mean: float
    high: float
    constant: float
    saturated: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.runs} runs, {self.low:.3f} to {self.high:.3f}, mean {self.mean:.3f}, "
            f"{self.constant:.0%} constant, {self.saturated:.0%} saturated"
        )


@dataclass(frozen=True)
class Liveness:
    """What one forward and one backward pass showed.

    Args:
        gates: One record per gate, in the order of the modules.
        without_gradient: Names of the parameters that got none, or only zeros. Straight after
            ``init="preserve"`` the layers before the zeroed one are among them; one step later they are not.
    """

    gates: tuple[GateLiveness, ...]
    without_gradient: tuple[str, ...]

    @property
    def dead(self) -> tuple[str, ...]:
        """Names of the blocks that never ran, or whose gate is saturated for the whole batch."""
        return tuple(gate.name for gate in self.gates if gate.runs == 0 or gate.saturated == 1)

    def __str__(self) -> str:
        listed = ", ".join(self.without_gradient) or "none"
        return "\n".join([*map(str, self.gates), f"parameters without gradient: {listed}"])


def liveness(model: nn.Module, batch: Example, loss: Callable[[Any], Tensor] | None = None) -> Liveness:
    """Run a copy of a model forward and backward once, in training mode, and report on its gates.

    Inserted blocks and the blocks of senet's own networks are looked at. The model is as before afterwards.

    Args:
        model: With attention.
        batch: Images (B, C, H, W), at least two, or what else the model takes; a shape makes noise.
        loss: The model's output -> a scalar; by default a random projection of every floating output.

    Raises:
        UsageError: The batch is no example.
    """
    twin = copy.deepcopy(model).train()
    owners = {name: module for name, module in twin.named_modules() if is_attention(module)}
    seen: dict[str, list[Tensor]] = {name: [] for name in owners}
    for name, module in owners.items():
        module.get_submodule("gate").register_forward_hook(
            lambda _, args, output, values=seen[name]: values.append(output.detach())
        )
    args, kwargs = example_arguments(model, batch)
    with torch.random.fork_rng(), torch.enable_grad():
        (loss or _projection)(twin(*args, **kwargs)).backward()
    gates = tuple(_life(name, owners[name].get_submodule("gate"), values) for name, values in seen.items())
    return Liveness(gates, tuple(_without_gradient(twin)))


def _projection(output: Any) -> Tensor:
    """A linear loss: its gradient vanishes for no output, whatever the output is."""
    generator = torch.Generator().manual_seed(0)
    floats = [t for t in iter_tensors(output) if t.is_floating_point() and t.requires_grad]
    return torch.stack([(t * torch.randn(t.shape, generator=generator).to(t)).sum() for t in floats]).sum()


def _life(name: str, gate: nn.Module, values: list[Tensor]) -> GateLiveness:
    if not values:
        return GateLiveness(name, 0, *[float("nan")] * 5)
    g = torch.cat([value.flatten(1) for value in values]).float()
    same = (g.amax(0) - g.amin(0)) <= SAME
    low, high = saturated(g, gate_bounds(gate))
    ends = low | high
    return GateLiveness(name, len(values), g.min().item(), g.mean().item(), g.max().item(), _share(same), _share(ends))


def _share(flags: Tensor) -> float:
    return flags.float().mean().item()


def _without_gradient(model: nn.Module) -> Iterator[str]:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any()):
            yield name
