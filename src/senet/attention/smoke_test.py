"""A block of someone else's, tried once on a small map: it computes what it declares, on maps of how many axes.

Networks of ours use ``weights()`` or ``term()``, insertion runs the block itself: one that is not the other would give
two networks under one name.
"""

import copy
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from senet.attention.contract import Effect
from senet.errors import SenetError, UsageError
from senet.utils.importing import describe_error
from senet.utils.text import counted

SENET_PREFIX = "senet."  # the catalogue of the tests tries these
SIDES = (7, 5, 3)
CLOSE = {torch.float32: 1e-4, torch.float64: 1e-8}  # relative and absolute; sums may be rounded otherwise
HALF = 0.02
FORMULAS = {Effect.MULTIPLIES: "x * weights(x)", Effect.ADDS: "x + term(x)", Effect.REPLACES: ""}
_tested: set[tuple[type, str, tuple[int, ...]]] = set()


@dataclass(frozen=True)
class SmokeRun:
    """What a block did with a small map of two images.

    Args:
        out: What it returned.
        alone: What it returned for the first image alone.
        expected: What its effect says; None of what replaces a convolution.
        gated: How often its gate ran in the first pass.
    """

    out: object
    alone: object
    expected: Tensor | None
    gated: int


def smoke_test(block: nn.Module, spec: object, sizes: tuple[int, ...]) -> None:
    """Run a fresh block of a class that is not senet's, once for each spec and width; nothing of it is changed.

    Args:
        block: Keeps to the contract by its names.
        spec: That built it.
        sizes: Its channels; or the channels before and after it, and its stride.

    Raises:
        UsageError: It does not run, changes the shape or dtype, or is not what it declares.
    """
    key = type(block), str(spec), sizes
    if is_senet_block(block) or key in _tested or _like(block).device.type == "meta":
        return
    lost = [name for name, parameter in block.named_parameters() if not parameter.isfinite().all()]
    if lost:
        do = "set it in the constructor too, which may call reset_gate(): insertion calls nothing else"
        raise UsageError(f"{spec}: {lost[0]} is not finite in a fresh block", do=do)
    x = small_map(block, sizes[0])
    run = _run(block, x, spec)
    _require_map(run.out, spec, _shape(sizes), x.dtype)
    if run.expected is not None:
        _require_effect(cast(Tensor, run.out), run.expected, spec, cast(Any, block).effect)
    if not equal_to_rounding(cast(Tensor, run.out)[:1], cast(Tensor, run.alone)):
        raise UsageError(
            f"{spec}: the output of an image depends on the rest of its batch",
            do="compute each image alone in evaluation",
        )
    if cast(Any, block).gate is not None and not run.gated:
        raise UsageError(f"{spec}: its gate never runs", do="return the weights through self.gate(...)")
    _tested.add(key)


def is_senet_block(block: nn.Module) -> bool:
    """Whether a block's class is one of senet."""
    return type(block).__module__.startswith(SENET_PREFIX)


def small_map(block: nn.Module, channels: int, axes: int = 2) -> Tensor:
    """Return noise for a block, (2, channels, 7, 5) or of 1 or 3 spatial axes; torch's global generator stays."""
    noise = torch.randn(2, channels, *SIDES[:axes], generator=torch.Generator().manual_seed(0), device="cpu")
    return noise.to(_like(block))


def equal_to_rounding(one: Tensor, other: Tensor) -> bool:
    """Whether two maps are equal but for rounding."""
    close = CLOSE.get(one.dtype, HALF)
    return one.shape == other.shape and torch.allclose(one, other.to(one.dtype), rtol=close, atol=close)


def _like(block: nn.Module) -> Tensor:
    return next((p for p in block.parameters() if p.is_floating_point()), torch.empty(0))


def _run(block: nn.Module, x: Tensor, spec: object) -> SmokeRun:
    """Run a copy of a block; its parameters are shaken, since what starts at zero would hide the rest.

    Raises:
        UsageError: It fails.
    """
    devices = [x.device] if x.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices), torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            torch.default_generator.manual_seed(0)
            return _outputs(_perturbed(block), x)
    except SenetError:
        raise
    except Exception as error:  # a user's forward may raise anything
        where = f"a map of {tuple(x.shape)}: {describe_error(error)}"
        raise UsageError(f"{spec} cannot run", where=where, do="fix the class") from error


def _perturbed(block: nn.Module) -> Any:
    shaken = copy.deepcopy(block).eval()
    for parameter in shaken.parameters():
        if parameter.is_floating_point():
            parameter.add_(0.1 * torch.randn(parameter.shape, device="cpu").to(parameter))
    return shaken


def _outputs(block: Any, x: Tensor) -> SmokeRun:
    ran: list[nn.Module] = []
    if block.gate is not None:
        block.gate.register_forward_hook(lambda gate, *_: ran.append(gate))
    out, gated = block(x), len(ran)
    changes = {Effect.MULTIPLIES: lambda: x * block.weights(x), Effect.ADDS: lambda: x + block.term(x)}
    expected = changes[block.effect]() if block.effect in changes else None
    return SmokeRun(out, block(x[:1]), expected, gated)


def _shape(sizes: tuple[int, ...]) -> tuple[int, ...]:
    channels, stride = (sizes[0], 1) if len(sizes) == 1 else sizes[1:]
    return 2, channels, *(-(-side // stride) for side in SIDES[:2])


def _require_map(out: object, spec: object, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if not isinstance(out, Tensor):
        raise UsageError(f"{spec}: its output is a {type(out).__name__}", do="return the map from forward()")
    if tuple(out.shape) != shape or out.dtype != dtype:
        what = f"{spec}: its output is {tuple(out.shape)} of {out.dtype}, not {shape} of {dtype}"
        raise UsageError(what, do="a block keeps the shape and the dtype of its map: fix its forward()")
    if not out.isfinite().all():
        raise UsageError(f"{spec}: its output is not finite for a map of noise", do="fix its forward()")


def _require_effect(out: Tensor, expected: Tensor, spec: object, effect: Effect) -> None:
    formula = FORMULAS[effect]
    do = f"networks use one and insertion the other: return {formula} from forward(), or declare another effect"
    if out.shape != expected.shape:
        raise UsageError(f"{spec}: its output is {tuple(out.shape)}, but {formula} is {tuple(expected.shape)}", do=do)
    if not equal_to_rounding(out, expected):
        difference = float((out - expected).abs().max())
        raise UsageError(f"{spec}: its output is not {formula}: they differ by {difference:.3g}", do=do)


def require_axes(block: nn.Module, spec: object, channels: int, axes: int, where: str) -> None:
    """Refuse a block that was made for maps of other numbers of spatial axes; nothing of it is changed.

    Args:
        block: Keeps to the contract.
        spec: That built it.
        channels: Of its input.
        axes: Spatial axes of its input: 1 of a sequence, 2 of an image, 3 of a video.
        where: Its place, for messages.

    Raises:
        UsageError: It fails on such a map, or returns another kind.
    """
    x = small_map(block, channels, axes)
    try:
        with torch.no_grad():
            out = copy.deepcopy(block).eval()(x)
        reason = "" if out.ndim == x.ndim else f"it makes {tuple(out.shape)} of {tuple(x.shape)}"
    except SenetError as error:
        reason = error.what
    except Exception as error:  # a user's forward may raise anything
        reason = describe_error(error)
    if reason:
        raise UsageError(
            f"{spec} does not take maps with {counted(axes, 'spatial axis', 'spatial axes')}",
            where=f"{where}: {reason}",
            do='choose a spec that does, for instance "SE(reduction=16)"',
        )
