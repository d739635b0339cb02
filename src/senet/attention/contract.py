"""The contract of an attention block: what networks, insertion, cost, weight decay and reports ask of every block.

They ask what stands here and look no further inside, so a new block is a file of its own and nothing else changes.
docs/attention.md has the same as a page, with examples.
"""

import warnings
from collections.abc import Callable
from enum import Enum
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.utils.modules import within

DOCS = "docs/attention.md has a whole block of one's own"


class Effect(Enum):
    """What a block does to the map x that it is given, (B, C, H, W)."""

    MULTIPLIES = "multiplies"
    """Its output is ``x * weights(x)``."""
    ADDS = "adds"
    """Its output is ``x + term(x)``."""
    REPLACES = "replaces"
    """It stands in the place of a convolution with its norm and ReLU, and ``weights(x)`` chooses within it."""


EFFECT_REMEDY = (
    "set it in the class: effect = Effect.MULTIPLIES, Effect.ADDS or Effect.REPLACES "
    "(from senet.attention import Effect)"
)


class AttentionBlock(Protocol):
    """An attention block: a module with these names. What a block has no use for, it leaves out, but for the first two.

    Shape and dtype of a map stay as they are, and images of a batch do not see one another in evaluation.
    """

    effect: ClassVar[Effect]
    """What it does to the map."""

    gate: nn.Module | None
    """The child in which the weights end: what it returns are the weights, or the term, but for shape and dtype.

    Hooks belong there. None says that the block has no weights and is no attention: it is there to compare with.
    """

    convolutions: ClassVar[tuple[str, ...]]
    """Of what replaces a convolution: paths within it of the convolutions that stand for the old one.

    They are no attention: they decay, and they count as convolutions.
    """

    surrounds: ClassVar[str | None]
    """Of what replaces a convolution: path of the part, convolution, norm and ReLU, that can be the old one.

    None where insertion cannot keep the old one.
    """

    def weights(self, x: Tensor) -> Tensor:
        """Return what x is multiplied with, broadcastable to it; or what weighs the parts of what replaces."""

    def term(self, x: Tensor) -> Tensor:
        """Return what is added to x, broadcastable to it."""

    squeeze: Callable[[Tensor], Tensor]
    """(B, C, H, W) -> what ``excite`` takes. :func:`~senet.attention.squeeze_excite.average` promises that the block
    sees no more of a map than its means: a network's unit may then compute them without making the map."""

    def excite(self, z: Tensor) -> Tensor:
        """Return the weights, (B, C), of the means over the positions, (B, C)."""

    def factors(self, x: Tensor, fresh: bool) -> tuple[Tensor, Tensor]:
        """Return two tensors of which ``x * weights(x)`` is the product, the first of the shape of x.

        For weights of which a part is cheap to multiply with alone. With ``fresh``, which comes without gradients, x
        may be overwritten, by this and by whoever asked; the first may be x.
        """

    def reset_gate(self, generator: torch.Generator | None = None) -> None:
        """Draw what has another initialisation than He's; runs after all that is within the block is drawn.

        Of parameters that lie in the block itself, and not in layers of torch, every one has to be set here. The
        constructor calls it too, without a generator, for blocks that are inserted.
        """

    def start_as_identity(self) -> None:
        """Change nothing until training moves the block: ``init="preserve"``, see :func:`senet.attention.unit_gate`.

        Raises:
            UsageError: It cannot; says why.
        """

    def rescale_input(self, factor: Tensor) -> None:
        """Compute of ``factor * x`` what was computed of x: lets :func:`~senet.insertion.standardise` fold a gate."""


# What goes with an effect, beside `effect` and `gate`.
REQUIRED = {
    Effect.MULTIPLIES: ("weights",),
    Effect.ADDS: ("term",),
    Effect.REPLACES: ("convolutions", "surrounds"),
}


def is_attention(module: nn.Module) -> bool:
    """Whether a module is an attention block, of senet or of anyone who keeps to the contract."""
    return effect_of(module) is not None and getattr(module, "gate", None) is not None


def effect_of(block: object) -> Effect | None:
    """Return the effect that a block's class declares: of the class, since wrappers hand on what is within them."""
    effect = getattr(type(block), "effect", None)
    return effect if isinstance(effect, Effect) else None


def has_gate(module: nn.Module) -> bool:
    """Whether a module is an attention block. Deprecated: use :func:`is_attention`."""
    warnings.warn("senet.attention.has_gate is deprecated: use is_attention", DeprecationWarning, stacklevel=2)
    return is_attention(module)


def kept_convolutions(block: nn.Module) -> tuple[str, ...]:
    """Return the paths within a block of the convolutions that stand for the one that it replaces, if it does."""
    paths: tuple[str, ...] = getattr(block, "convolutions", ()) if effect_of(block) is Effect.REPLACES else ()
    return paths


def attention_names(model: nn.Module) -> frozenset[str]:
    """Return the names of all modules that are attention: the blocks and what is in them, but for convolutions."""
    names: set[str] = set()
    for name, block in model.named_modules():
        if is_attention(block):
            outside = kept_convolutions(block)
            inside = (child for child, _ in block.named_modules() if not within(child, outside))
            names.update(f"{name}.{child}".strip(".") for child in inside)
    return frozenset(names)


def require_block(block: object, spec: object) -> nn.Module:
    """Return a block that a spec has built.

    Raises:
        UsageError: It declares too little, or the wrong thing; a number computed from it would be wrong later.
    """
    kind = type(block).__name__
    if not isinstance(block, nn.Module):
        raise UsageError(f"{spec} built a {kind}, not a torch.nn.Module", do=DOCS)
    effect = effect_of(block)
    if effect is None:
        raise UsageError(f"{spec}: {kind} declares no effect", do=f"{EFFECT_REMEDY}; {DOCS}")
    missing = [name for name in ("gate", *REQUIRED[effect]) if not hasattr(block, name)]
    if effect is Effect.REPLACES and not missing and block.gate is not None and not hasattr(block, "weights"):
        missing = ["weights"]
    if missing:
        raise UsageError(f"{spec}: {kind}, which {effect.value}, has no {' and no '.join(missing)}", do=DOCS)
    _require_parts(block, kind, spec)
    return block


def _require_parts(block: nn.Module, kind: str, spec: object) -> None:
    gate = block.gate
    if gate is not None and not isinstance(gate, nn.Module):
        what = f"{spec}: gate of {kind} is a {type(gate).__name__}, not a torch.nn.Module"
        raise UsageError(what, do="make it one, as in self.gate = nn.Sigmoid()")
    surrounds = getattr(block, "surrounds", None)
    within = {name for name, _ in block.named_modules()}
    for path in (*kept_convolutions(block), *([] if surrounds is None else [surrounds])):
        if path not in within:
            raise UsageError(f"{spec}: {kind} has no part {path!r}, which it names as a convolution", do=DOCS)
    if surrounds is not None and isinstance(block.get_submodule(surrounds), nn.modules.conv._ConvNd):
        what = f"{spec}: {surrounds} of {kind} is a convolution alone; the old one comes with its norm and ReLU"
        raise UsageError(what, do="name a part that holds the three, or surrounds = None")
