"""Convolutions to one channel, as spatial gates have them, where oneDNN's way of computing them is a slow one."""

import torch
from torch import Tensor, nn

SMALL = 4096
"""Positions of a batch, up to which torch's own convolution is faster than oneDNN's."""


def convolution(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return ``layer(x)``, (B, C, H, W) -> (B, 1, H', W') or whatever the layer makes.

    On a CPU in float32, oneDNN's gradient of contiguous maps takes several times that of channels_last ones; and of
    small maps its calls take longer than torch's own arithmetic.
    """
    narrow = _is_narrow(layer, x)
    if narrow and not torch.is_grad_enabled() and x.numel() <= SMALL * x.shape[1]:
        own: Tensor = torch.ops.aten.thnn_conv2d.default(
            x, layer.weight, layer.kernel_size, layer.bias, layer.stride, layer.padding
        )
        return own
    if narrow and torch.is_grad_enabled():
        x = x.contiguous(memory_format=torch.channels_last)
    y: Tensor = layer(x)
    return y


def _is_narrow(layer: nn.Conv2d, x: Tensor) -> bool:
    return (
        layer.out_channels == layer.groups == 1
        and x.is_cpu
        and x.dtype == torch.float32 == layer.weight.dtype
        and x.ndim == 4
        and layer.padding_mode == "zeros"
        and layer.dilation == (1, 1)
        and not isinstance(layer.padding, str)
        and not torch.is_autocast_enabled("cpu")
    )
