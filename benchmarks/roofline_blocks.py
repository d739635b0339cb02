"""What torch's operators must cost, one by one: those of each block, bare, where they would run in the plain network.

In inference they follow the module whose result a block is given, or one of that shape (a unit, whose branch it would
be); the last product with the map is left out, as it takes the place of the unit's sum. Of a training step those are
timed that no order of them can leave out, alone, into memory that is there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from overhead_measure import seeded
from overhead_rows import mobile, mobile_plain, plain20, plain50, se20, se50
from overhead_sides import Make, Run, Shape, inference, training
from roofline_calls import compared
from roofline_machine import seconds
from roofline_operators import bare, bare_cbam, bare_mlp
from senet import create
from senet.attention import CBAM
from senet.attention.cbam import ConvBlockAttention
from senet.attention.residual import AttendedSequential
from senet.attention.squeeze_excite import SqueezeExcite


@dataclass(frozen=True)
class Case:
    """A network with attention and the same without, on one batch."""

    title: str
    attended: Make
    plain: Make
    shape: Shape
    classes: int = 1000


cbam50, cbam50_plain = partial(create, "cbam_resnet50"), partial(create, "cbam_resnet50", attention=None)
cbam20 = partial(create, "resnet20", attention=CBAM(reduction=8))
ONE, EIGHT, LARGE, SMALL = (1, 3, 224, 224), (8, 3, 224, 224), (8, 3, 160, 160), (128, 3, 32, 32)
INFERENCE = (
    Case("ResNet-50 with SE, 8 x 224", se50, plain50, EIGHT),
    Case("ResNet-50 with SE, 1 x 224", se50, plain50, ONE),
    Case("ResNet-50 with CBAM, 1 x 224", cbam50, cbam50_plain, ONE),
    Case("MobileNetV3-Large with SE, 8 x 224", mobile, mobile_plain, EIGHT),
    Case("MobileNetV3-Large with SE, 1 x 224", mobile, mobile_plain, ONE),
)
STEPS = (
    Case("ResNet-50 with SE, 8 x 160", se50, plain50, LARGE),
    Case("ResNet-20 with SE, 128 x 32", se20, plain20, SMALL, 10),
    Case("ResNet-20 with CBAM, 128 x 32", cbam20, plain20, SMALL, 10),
)


def block_rows(pairs: int) -> Iterator[tuple[str, ...]]:
    """A row for each case of inference."""
    yield "inference", "least price", "95% interval"
    for case in INFERENCE:
        run, with_calls = (prepared(case, called) for called in (False, True))
        yield case.title, *compared(with_calls, run, 1, pairs)


def prepared(case: Case, called: bool) -> Run:
    """Return a pass of the plain network, in which the blocks' operators run too, or nothing in their places."""
    plain = seeded(case.plain)
    run = inference(case.shape)(plain)
    for module, block in places(seeded(case.attended), plain):
        layer = bare(block.eval()) if called else nothing
        module.register_forward_hook(partial(after, layer))
    for _ in range(3):
        run()
    return run


def after(layer: Callable[[Tensor], Any], _module: nn.Module, _args: object, result: Tensor) -> None:
    layer(result)


def nothing(_: Tensor) -> None:
    pass


def places(attended: nn.Module, plain: nn.Module) -> Iterator[tuple[nn.Module, Any]]:
    """Yield for each block of one network the module of the other after whose result it would run, and the block."""
    for name, unit in attended.named_modules():
        block = unit._modules.get("attention")
        if isinstance(block, SqueezeExcite | ConvBlockAttention):
            names = list(unit._modules)
            before = f".{names[names.index('attention') - 1]}" if isinstance(unit, AttendedSequential) else ""
            yield plain.get_submodule(name + before), block


def step_rows() -> Iterator[tuple[str, ...]]:
    """A row for each case of training."""
    yield "training step", "ms plain", "ms of the operators", "least price"
    for case in STEPS:
        step = seconds(training(case.shape, case.classes)(seeded(case.plain)))
        calls = step_calls(case)
        with torch.inference_mode():
            more = sum(map(seconds, calls))
        yield case.title, f"{1000 * step:.1f}", f"{1000 * more:.1f}", f"{1 + more / step:.3f}"


def step_calls(case: Case) -> list[Callable[[], object]]:
    """Return the operators of each block, on maps of the sizes that it is given."""
    attended, calls = seeded(case.attended), list[Callable[[], object]]()

    def note(block: Any, _module: nn.Module, _args: object, result: Tensor) -> None:
        kind = se_step if isinstance(block, SqueezeExcite) else cbam_step
        calls.append(kind(block, result.detach().clone()))

    run = inference(case.shape)(attended)
    for module, block in places(attended, attended):
        module.register_forward_hook(partial(note, block))
    run()
    return calls


def se_step(block: SqueezeExcite, x: Tensor) -> Callable[[], object]:
    """The squeeze and both layers; the gradients are of rows, and the sums that they need are batch norm's."""
    mlp = bare_mlp(block)
    return lambda: mlp(x.mean((2, 3)))


def cbam_step(block: Any, x: Tensor) -> Callable[[], object]:
    """What both gates read, the map between them, the convolution; gradients of the convolution, of that map and x.

    Left out: the gradients of both maxima, of which torch has no operator that is without maps of its own.
    """
    forward, conv = bare_cbam(block), block.spatial.conv
    g, refined, product, c = torch.randn_like(x), x.clone(), x.clone(), x.amax((2, 3), keepdim=True)
    s, pooled = x[:, :1].clone(), torch.stack((x.amax(1), x.mean(1)), 1).to(memory_format=torch.channels_last)
    args = [None, conv.stride, conv.padding, conv.dilation, False, (0, 0), 1, (True, True, False)]

    def call() -> None:
        forward(x)
        torch.mul(g, refined, out=product).sum(1)
        torch.ops.aten.convolution_backward(s, pooled, conv.weight, *args)
        torch.mul(g, s, out=product)
        torch.mul(product, x, out=refined).sum((2, 3))
        product.mul_(c)

    return call
