"""The operators of blocks, bare: no module, no check, weights transposed beforehand, in place where torch can."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.attention.cbam import ChannelGate, SpatialGate
from senet.attention.selective_kernel import SelectiveKernel
from senet.attention.squeeze_excite import SqueezeExcite
from senet.ops.narrow_conv import SMALL
from senet.ops.pools import NARROW

Layer = Callable[[Tensor], Tensor]


def bare(block: nn.Module) -> Layer:
    """Return the operators that make the weights of a block of one map, (B, C, H, W)."""
    return bare_squeeze_excite(block) if isinstance(block, SqueezeExcite) else bare_cbam(block)


def bare_squeeze_excite(block: SqueezeExcite) -> Layer:
    """Mean, addmm, relu_, addmm, sigmoid_ or hardsigmoid_, view."""
    mlp, gate = bare_mlp(block), bare_gate(block.gate)
    return lambda x: gate(mlp(x.mean((2, 3)))).view(*x.shape[:2], 1, 1)


def bare_cbam(block: Any) -> Layer:
    """Both descriptors through the layers as one batch, then the map over channels through its convolution."""
    channel, spatial = block.channel, block.spatial
    assert isinstance(channel, ChannelGate)
    assert isinstance(spatial, SpatialGate)
    mlp, convolution, norm = bare_mlp(channel), bare_convolution(spatial.conv), bare_norm(spatial.bn)

    def call(x: Tensor) -> Tensor:
        both = mlp(torch.cat((x.mean((2, 3)), bare_maximum(x))))
        refined = x * both.view(2, *x.shape[:2], 1, 1).sum(0).sigmoid_()
        pooled = torch.cat((refined.amax(1, keepdim=True), refined.mean(1, keepdim=True)), 1)
        return norm(convolution(pooled)).sigmoid_()

    return call


def bare_maximum(x: Tensor) -> Tensor:
    """Return the maximum over the positions of a channels_last map, by the faster of torch's two operators."""
    large_and_narrow = x.shape[1] < NARROW and x.numel() > 2**16
    return F.max_pool2d(x, x.shape[2:]).flatten(1) if large_and_narrow else x.amax((2, 3))


def bare_selective(block: SelectiveKernel, x: Tensor) -> Callable[[], Tensor]:
    """The second branch, and the choice between both."""
    convolution = bare_convolution(block.get_submodule("branches.1.conv"))
    norm, norm_of_rows = bare_norm(block.get_submodule("branches.1.bn")), bare_norm(block.bn1)
    with torch.inference_mode():
        one: Tensor = block.branches[0](x)
    down, up, shape = block.fc1.weight.t(), block.fc2.weight.t(), (len(x), 2, block.out_channels, 1, 1)

    def call() -> Tensor:
        two = norm(convolution(x)).relu_()
        rows = norm_of_rows(one.mean((2, 3)).add_(two.mean((2, 3))).mm(down)).relu_()
        a, b = rows.mm(up).view(shape).softmax(1).unbind(1)
        result: Tensor = (one * a).addcmul_(two, b)
        return result

    return call


def bare_mlp(block: SqueezeExcite | ChannelGate) -> Layer:
    """Return both linear layers."""
    down, up, b1, b2 = block.fc1.weight.t(), block.fc2.weight.t(), block.fc1.bias, block.fc2.bias
    return lambda z: torch.addmm(b2, torch.addmm(b1, z, down).relu_(), up)


def bare_gate(gate: nn.Module) -> Layer:
    """Return a gate in place."""
    return torch.sigmoid_ if isinstance(gate, nn.Sigmoid) else lambda x: F.hardsigmoid(x, inplace=True)


def bare_convolution(conv: Any) -> Layer:
    """Return a convolution without biases; to one channel, of few positions, the faster one of torch's two."""
    weight, stride, padding, dilation = conv.weight, conv.stride, conv.padding, conv.dilation
    own = torch.ops.aten.thnn_conv2d.default

    def call(x: Tensor) -> Tensor:
        if conv.out_channels == 1 and x.numel() <= SMALL * x.shape[1]:
            few: Tensor = own(x, weight, conv.kernel_size, None, stride, padding)
            return few
        return F.conv2d(x, weight, None, stride, padding, dilation)

    return call


def bare_norm(norm: Any) -> Layer:
    """Return a batch norm in evaluation."""
    weight, bias, mean, var, eps = norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps
    return lambda x: torch.batch_norm(x, weight, bias, mean, var, False, 0.0, eps, False)
