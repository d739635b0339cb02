"""What one image must pay beside passes over maps: the operators of blocks, bare, after a pass of the plain network.

No module, no check, weights transposed beforehand, results in place where torch can. The last product with the map is
left out: it takes the place of the unit's sum. What is left is the least that these operators take, one by one. Asked:
each layer of the block is looked up before, and whether a hook would hear of it, as it takes to run what is there now.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interleaved import abba, median_interval, quartiles
from overhead_measure import clock, seeded
from overhead_rows import SMALL_CBAM, SMALL_SE, SMALL_SK, mobile, mobile_plain, plain50, se50, small
from overhead_sides import Shape, inference
from senet.attention.cbam import ChannelGate, SpatialGate
from senet.attention.selective_kernel import SelectiveKernel
from senet.attention.squeeze_excite import SqueezeExcite
from senet.networks.resnet import ResidualUnit
from senet.ops.eager import is_hooked
from senet.ops.narrow_conv import SMALL
from senet.ops.pools import NARROW

Call = Callable[[], object]
Layer = Callable[[Tensor], Tensor]
SHAPE: Shape = (1, 1, 8, 8)
IMAGE: Shape = (1, 3, 224, 224)
LAYERS = {"ResNet-50": (se50, plain50), "MobileNetV3-Large": (mobile, mobile_plain)}
PASSES, MORE = 50, 4  # of one clock; pairs, since these are short
KINDS = SMALL_SE, SMALL_CBAM, SMALL_SK


def call_rows(pairs: int) -> Iterator[tuple[str, ...]]:
    """A row for each kind of block in ResNet-8, on one 8x8 image."""
    yield "ResNet-8, one 8 x 8 image", "least price", "95% interval", "layers asked for hooks", "95% interval"
    run = inference(SHAPE)(seeded(small(None)))
    for attention in KINDS:
        calls, questions = bare_calls(seeded(small(attention)))
        each = [priced(run, some, PASSES, pairs) for some in (calls, questions + calls)]
        yield str(attention), *each[0], *each[1]


def layer_rows(pairs: int) -> Iterator[tuple[str, ...]]:
    """A row for each network on one image: the layers of its SE blocks alone, whose weights a pass has pushed out."""
    yield "one 224 x 224 image", "MB of weights", "price of SE's layers", "95% interval"
    for name, (attended, plain) in LAYERS.items():
        run, blocks = inference(IMAGE)(seeded(plain)), squeeze_excites(seeded(attended))
        yield name, f"{sum(map(held, blocks)) / 1e6:.1f}", *priced(run, tuple(map(bare_layers, blocks)), 1, pairs)


def priced(run: Call, calls: tuple[Call, ...], passes: int, pairs: int) -> tuple[str, str]:
    """Return the price of calls after each pass, and its interval."""
    return compared(followed(run, calls), run, passes, pairs)


def compared(side: Call, base: Call, passes: int, pairs: int) -> tuple[str, str]:
    """Return the price of one over another, timed in turn, and its interval."""
    ratios = [a / b for a, b in abba(clock(side, passes), clock(base, passes), MORE * pairs)]
    low, high = median_interval(ratios)
    return f"{quartiles(ratios)[1]:.3f}", f"{low:.3f}, {high:.3f}"


def followed(run: Call, calls: tuple[Call, ...]) -> Call:
    """Return a pass and the calls after it."""

    def both() -> object:
        result = run()
        with torch.inference_mode():
            for call in calls:
                call()
        return result

    return both


def bare_calls(model: nn.Module) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
    """Return the operators of each block of a model, each on a map of the size that it is given there, and questions.

    The questions are what :func:`asked` returns of each block.
    """
    calls: list[Call] = []
    questions: list[Call] = []

    def note(module: nn.Module, args: tuple[Tensor, ...], result: Tensor) -> None:
        if isinstance(module, SelectiveKernel):
            calls.append(bare_selective(module, args[0]))
            questions.append(asked(module))
        elif isinstance(module, ResidualUnit) and module.attention is not None:
            calls.append(partial(bare(module.attention), result))
            questions.append(asked(module.attention))

    run = inference(SHAPE)(model)
    for module in model.modules():
        module.register_forward_hook(note)
    run()
    return tuple(calls), tuple(questions)


def asked(block: nn.Module) -> Call:
    """Return a call that looks each layer of a block up, and whether a call of it runs more than its forward.

    The first of several branches is left out, as the plain network has it too.
    """
    plain = block.branches[0] if isinstance(block, SelectiveKernel) else None
    layers = [
        (owner, name)
        for owner in block.modules()
        for name, layer in owner._modules.items()
        if owner is not plain and not isinstance(layer, nn.Identity)
    ]

    def call() -> None:
        for owner, name in layers:
            is_hooked(getattr(owner, name))

    return call


def bare(block: nn.Module) -> Layer:
    """Return the operators that make the weights of a block of one map, (B, C, H, W)."""
    return bare_squeeze_excite(block) if isinstance(block, SqueezeExcite) else bare_cbam(block)


def bare_squeeze_excite(block: SqueezeExcite) -> Layer:
    """Mean, addmm, relu_, addmm, sigmoid_ or hardsigmoid_, view."""
    mlp, gate = bare_mlp(block), bare_gate(block.gate)
    return lambda x: gate(mlp(x.mean((2, 3)))).view(*x.shape[:2], 1, 1)


def bare_layers(block: SqueezeExcite) -> Call:
    """Both layers on the means of one image."""
    mlp, z = bare_mlp(block), torch.randn(1, block.channels)
    return lambda: mlp(z)


def squeeze_excites(model: nn.Module) -> list[SqueezeExcite]:
    return [block for block in model.modules() if isinstance(block, SqueezeExcite)]


def held(block: nn.Module) -> int:
    """Return the bytes of a block's parameters."""
    return sum(parameter.numel() * parameter.element_size() for parameter in block.parameters())


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


def bare_selective(block: SelectiveKernel, x: Tensor) -> Call:
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
