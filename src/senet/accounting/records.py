"""The result of a count. The conventions of its numbers stand here once."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

from senet.errors import UsageError
from senet.utils.modules import within
from senet.utils.text import counted

AMOUNTS = ("parameters", "multiply-adds", "elementwise", "bytes moved")  # of a Work, as they are printed


@dataclass(frozen=True)
class Work:
    """Amounts for one image in evaluation.

    Args:
        parameters: Weights and biases, trained or frozen, each once however often it is used; no buffers.
        multiply_adds: Of convolutions, linear layers and other products (deformable convolutions, bilinear layers,
            distances of pairs; of Fourier transforms half of the nominal 5 n log2(n)); adding a bias is free. What
            the papers call FLOPs, half of what ``torch.utils.flop_counter`` calls so.
        elementwise: Operations of everything else that computes (pooling, norms, activations, scale, sum):
            one for each element of the largest tensor that the operator reads or writes, whatever it does to
            the element. That is one per output element of a map and one per input element of a reduction. An
            operator that only moves data (cat, stack, pad, copy) counts none.
        bytes_moved: What every operator reads, weights included, and writes, as if nothing stayed in a cache
            and nothing were fused. Views are free. A broadcast axis counts once. Of an operator with several
            results the first counts; the others serve the backward pass.
        uncounted: Calls of operators whose arithmetic no formula here tells, such as a custom operator's or a matrix
            inverse's. They are in none of the amounts but bytes: where there are any, multiply-adds and elementwise
            operations are at least what is said.
    """

    parameters: int = 0
    multiply_adds: int = 0
    elementwise: int = 0
    bytes_moved: int = 0
    uncounted: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Uncounted:
    """An operator that no total has.

    Args:
        operator: Its name, ``namespace::name``.
        calls: For one image.
        modules: That ran it, in the order of computation; empty for the model itself.
    """

    operator: str
    calls: int
    modules: tuple[str, ...]


@dataclass(frozen=True)
class ModuleCost:
    """What one module does itself, without its children.

    Args:
        name: Qualified, as in ``named_modules()``; empty for the model.
        kind: Class name.
        own: Its own parameters, and the operators that ran while it was the innermost module.
        attention: Whether this counts as attention.
    """

    name: str
    kind: str
    own: Work
    attention: bool


@dataclass(frozen=True)
class Cost:
    """What a model costs for one image; the first four are totals, in the conventions of :class:`Work`.

    It prints as the totals and the attention's share of each, since a network has hundreds of modules.

    Args:
        parameters: Of the model.
        multiply_adds: Of one forward pass.
        elementwise: Of one forward pass.
        bytes_moved: Of one forward pass.
        attention: The attention's part of the totals.
        modules: One record per module, in the order of ``named_modules()``. They add up to the totals.
        uncounted: The operators that no total has.
    """

    parameters: int
    multiply_adds: int
    elementwise: int
    bytes_moved: int
    attention: Work
    modules: tuple[ModuleCost, ...]
    uncounted: tuple[Uncounted, ...] = ()

    def __repr__(self) -> str:
        rows = [("cost of one image", "model", "attention", "share")]
        for amount, whole, part in zip(AMOUNTS, _four(self.total), _four(self.attention), strict=True):
            rows.append((amount, f"{whole:,}", f"{part:,}", f"{part / (whole or 1):.2%}"))
        more = f"more: .table(depth=1), .under(name), .modules ({len(self.modules):,} records)"
        return "\n".join(filter(None, (_aligned(rows), uncounted_text(self.uncounted), more)))

    @property
    def total(self) -> Work:
        """The totals as one amount."""
        calls = sum(one.calls for one in self.uncounted)
        return Work(self.parameters, self.multiply_adds, self.elementwise, self.bytes_moved, calls)

    def under(self, name: str, *, attention: bool = False) -> Work:
        """Add up a module and everything inside it, or the attention there alone.

        Args:
            name: As in ``named_modules()``; empty for the whole model. Zero for a name that the model lacks.
            attention: Leave out what is not attention.
        """
        inside = [m for m in self.modules if not name or within(m.name, (name,))]
        return sum_work(m for m in inside if m.attention or not attention)

    def table(self, depth: int = 1) -> str:
        """Return the amounts by part of the model, as text: a line for each that has any and one for the whole.

        The last column is the parameters of the attention there.

        Args:
            depth: 1 has a line for each child of the model (stem, stages, head), 2 for each child of those, and so on;
                0 for the whole alone.

        Raises:
            UsageError: A negative depth.
        """
        if depth < 0:
            raise UsageError(f"depth={depth} is negative", do="0 is the whole model, 1 its children")
        parts: dict[str, list[ModuleCost]] = {}
        for module in self.modules if depth else ():
            parts.setdefault(".".join(module.name.split(".")[:depth]), []).append(module)
        rows = [(name or "(itself)", *_amounts(part)) for name, part in parts.items() if sum_work(part) != Work()]
        table = _aligned([("module", *AMOUNTS, "attention"), *rows, ("total", *_amounts(self.modules))])
        return "\n".join(filter(None, (table, uncounted_text(self.uncounted))))


def sum_work(modules: Iterable[ModuleCost]) -> Work:
    """Add the own amounts of modules."""
    return sum((module.own for module in modules), Work())


def uncounted_text(uncounted: Iterable[Uncounted]) -> str:
    """Name what no total has, in one sentence; empty where there is nothing."""
    named = [f"{one.operator} ({counted(one.calls, 'call')} in {_places(one.modules)})" for one in uncounted]
    if not named:
        return ""
    lack = "so multiply-adds and elementwise operations are at least what is said"
    return f"not counted, {lack}: {', '.join(named)}"


def _places(modules: Sequence[str]) -> str:
    """Name some modules."""
    shown = ", ".join(name or "the model itself" for name in modules[:3])
    return shown + (f" and {len(modules) - 3:,} more" if len(modules) > 3 else "")


def _four(work: Work) -> tuple[int, ...]:
    """Return the amounts that are printed."""
    return astuple(work)[: len(AMOUNTS)]


def _amounts(modules: Sequence[ModuleCost]) -> list[str]:
    """Print what modules add up to, and the parameters of the attention among them."""
    attention = sum_work(module for module in modules if module.attention)
    return [f"{amount:,}" for amount in (*_four(sum_work(modules)), attention.parameters)]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Set rows of text in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(text.rjust(n) for text, n in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )


def attention_weights(reduction: int, stages: Iterable[tuple[int, int]]) -> int:
    """Weights that SE blocks add, ``2/r * sum_s N_s * C_s^2``: Hu et al., arXiv 1709.01507v4, section 4.

    Without the gates' biases, which are ``sum_s N_s * (C_s/r + C_s)`` more. After the squeeze each weight is
    used once per image, so this is the number of multiply-adds that the blocks add, too.

    Args:
        reduction: r. Where it does not divide C_s, the hidden width is C_s // r, as in ``SE(width="floor")``.
        stages: (N_s, C_s) of each stage: its units and their output channels.
    """
    return sum(2 * units * channels * (channels // reduction) for units, channels in stages)
