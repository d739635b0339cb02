"""Which parameters weight decay reaches: one partition for training from scratch and for fine-tuning."""

from collections.abc import Iterator

from torch import nn

from senet.attention.contract import kept_convolutions
from senet.utils.modules import NORMS, within


def decay_groups(
    model: nn.Module, biases: bool = False, norms: bool = False, gates: bool = False
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Partition the parameters into those that weight decay applies to and those that it spares.

    Decayed are the weights of convolutions and linear layers, and what the arguments add. A gate is everything in an
    attention block, but for the convolutions that it chooses between; it decays as a whole or not at all.

    Args:
        model: Any; shared parameters are in one group, once.
        biases: Whether biases outside gates decay.
        norms: Whether scales and shifts of norms do.
        gates: Whether gates do.
    """
    gated = set(_gate_parameters(model))
    of_norms = set(_norm_parameters(model))
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for parameter in model.parameters():
        if parameter in gated:
            decays = gates
        elif parameter in of_norms:
            decays = norms
        else:
            decays = parameter.ndim >= 2 or biases
        (decayed if decays else spared).append(parameter)
    return decayed, spared


def _gate_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    for module in model.modules():
        if isinstance(module._modules.get("gate"), nn.Module):  # of other libraries' attention too
            outside = kept_convolutions(module)
            for name, parameter in module.named_parameters():
                if not within(name, outside):
                    yield parameter


def _norm_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    for module in model.modules():
        if isinstance(module, NORMS):
            yield from module.parameters(recurse=False)
