"""Layers one after another, in their operators alone: where little is computed, the call of a module costs as much."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.ops.eager import is_eager, is_hooked
from senet.ops.narrow_conv import convolution

Operator = Callable[[Any, Tensor, bool], Tensor]


def chain(x: Tensor, *layers: nn.Module) -> Tensor:
    """Return ``layers[-1](... layers[0](x))``, shapes as of the layers; called one by one where somebody listens.

    Args:
        x: What the first takes; it stays as it is.
        layers: Those of torch in :data:`OPERATORS` are not called where no hook would hear of it.
    """
    if not is_eager(x):
        return _called(x, layers)
    fresh = False  # whether x is made here, so that an activation may stand in its place
    for layer in layers:
        operator = OPERATORS.get(type(layer))
        if operator is None or is_hooked(layer):
            x, fresh = layer(x), False
        elif operator is not _identity:
            x, fresh = operator(layer, x, fresh), True
    return x


def _called(x: Tensor, layers: tuple[nn.Module, ...]) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


# Parameters and buffers are looked up in their dicts: through the module a look-up costs as much as a small product.
# They are not there in replicas of nn.DataParallel, or where somebody has put a plain tensor in their place.


def _identity(_layer: nn.Identity, x: Tensor, _fresh: bool) -> Tensor:
    return x


def _linear(layer: nn.Linear, x: Tensor, _fresh: bool) -> Tensor:
    held = layer._parameters
    weight = held.get("weight")
    if weight is None or "bias" not in held:
        y: Tensor = layer(x)
        return y
    return F.linear(x, weight, held["bias"])


def _batch_norm(layer: Any, x: Tensor, _fresh: bool) -> Tensor:
    held, seen = layer._parameters, layer._buffers
    mean = seen.get("running_mean")
    if layer.training or mean is None or "weight" not in held:
        y: Tensor = layer(x)
        return y
    return F.batch_norm(x, mean, seen["running_var"], held["weight"], held["bias"], False, 0.0, layer.eps)


def _relu(_layer: nn.ReLU, x: Tensor, fresh: bool) -> Tensor:
    return x.relu_() if fresh else x.relu()


def _sigmoid(_layer: nn.Sigmoid, x: Tensor, fresh: bool) -> Tensor:
    return x.sigmoid_() if fresh else x.sigmoid()


def _hard_sigmoid(_layer: nn.Hardsigmoid, x: Tensor, fresh: bool) -> Tensor:
    return F.hardsigmoid(x, inplace=fresh and not torch.is_grad_enabled())  # whose gradient asks for x


def _convolution(layer: nn.Conv2d, x: Tensor, _fresh: bool) -> Tensor:
    return convolution(layer, x)


OPERATORS: dict[type[nn.Module], Operator] = {
    nn.Identity: _identity,
    nn.Linear: _linear,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: _relu,
    nn.Sigmoid: _sigmoid,
    nn.Hardsigmoid: _hard_sigmoid,
    nn.Conv2d: _convolution,
}
