"""What one image must pay beside passes over maps: the operators of blocks, bare, in a pass of the plain network.

The last product with the map is left out: it takes the place of the unit's sum. What is left is the least that these
operators take, one by one. Asked: each layer of the block is looked up before, and whether a hook would hear of it, as
it takes to run what is there now.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from interleaved import abba, median_interval, quartiles
from overhead_measure import clock, seeded
from overhead_rows import SMALL_CBAM, SMALL_SE, SMALL_SK, mobile, mobile_plain, plain50, se50, small
from overhead_sides import Shape, inference
from roofline_operators import bare, bare_mlp, bare_selective
from senet.attention.selective_kernel import SelectiveKernel
from senet.attention.squeeze_excite import SqueezeExcite
from senet.networks.resnet import ResidualUnit
from senet.ops.eager import is_hooked

Call = Callable[[], object]
SHAPE: Shape = (1, 1, 8, 8)
IMAGE: Shape = (1, 3, 224, 224)
LAYERS = {"ResNet-50": (se50, plain50), "MobileNetV3-Large": (mobile, mobile_plain)}
PASSES, MORE = 50, 4  # of one clock; pairs, since these are short
KINDS = SMALL_SE, SMALL_CBAM, SMALL_SK


def call_rows(pairs: int) -> Iterator[tuple[str, ...]]:
    """A row for each kind of block in ResNet-8, on one 8x8 image."""
    yield "ResNet-8, one 8 x 8 image", "least price", "95% interval", "layers asked for hooks", "95% interval"
    for attention in KINDS:
        calls, questions = bare_calls(seeded(small(attention)))
        both = {name: (questions[name], call) for name, call in calls.items()}
        sides = [with_calls(some) for some in ({name: (call,) for name, call in calls.items()}, both)]
        base = with_calls(dict.fromkeys(calls, ()))
        each = [compared(side, base, PASSES, pairs) for side in sides]
        yield str(attention), *each[0], *each[1]


def with_calls(calls: Mapping[str, tuple[Call, ...]]) -> Call:
    """Return a pass of the plain network with calls after some of its modules, by name."""
    plain = seeded(small(None))
    run = inference(SHAPE)(plain)
    for name, some in calls.items():
        plain.get_submodule(name).register_forward_hook(partial(called, some))
    return run


def called(calls: tuple[Call, ...], _module: nn.Module, _args: object, _result: Tensor) -> None:
    for call in calls:
        call()


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


def bare_calls(model: nn.Module) -> tuple[dict[str, Call], dict[str, Call]]:
    """Return the operators of each block of a model, each on a map of the size that it is given there, and questions.

    Both by the name of the module in the plain network after which they would run. The questions are those of
    :func:`asked`.
    """
    calls: dict[str, Call] = {}
    questions: dict[str, Call] = {}

    def note(name: str, module: nn.Module, args: tuple[Tensor, ...], result: Tensor) -> None:
        if isinstance(module, SelectiveKernel):
            calls[name], questions[name] = bare_selective(module, args[0]), asked(module)
        elif isinstance(module, ResidualUnit) and module.attention is not None:
            calls[name], questions[name] = partial(bare(module.attention), result), asked(module.attention)

    run = inference(SHAPE)(model)
    for name, module in model.named_modules():
        module.register_forward_hook(partial(note, name))
    run()
    return calls, questions


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


def bare_layers(block: SqueezeExcite) -> Call:
    """Both layers on the means of one image."""
    mlp, z = bare_mlp(block), torch.randn(1, block.channels)
    return lambda: mlp(z)


def squeeze_excites(model: nn.Module) -> list[SqueezeExcite]:
    return [block for block in model.modules() if isinstance(block, SqueezeExcite)]


def held(block: nn.Module) -> int:
    """Return the bytes of a block's parameters."""
    return sum(parameter.numel() * parameter.element_size() for parameter in block.parameters())
