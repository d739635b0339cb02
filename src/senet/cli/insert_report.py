"""What senet insert does: find places, insert, count before and after, compare the outputs."""

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from senet.accounting import Cost, Work, cost
from senet.attention import SE, AttentionSpec, parse
from senet.cli.here import find_modules_here
from senet.cli.numbers import numbers, stage_numbers
from senet.errors import UsageError
from senet.insertion import Place, blocks, insert
from senet.insertion.choose import choose
from senet.insertion.example import arguments, undisturbed
from senet.insertion.insert import Init
from senet.insertion.places import survey
from senet.insertion.trace import tensors
from senet.sources import build, fill
from senet.sources.models import architecture


@dataclass(frozen=True)
class Request:
    """Which model, and where in it.

    Args:
        source: Of the model.
        classes: Outputs of the classifier; the source's own number if None.
        where: A strategy or a glob.
        stages: All if None.
        example: Shape of a batch.
        seed: Of the random weights.
    """

    source: str
    classes: int | None
    where: str
    stages: tuple[int, ...] | None
    example: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class Listing:
    """Where blocks would go.

    Args:
        request: What was asked.
        places: What it chooses.
        strategies: How many places each strategy has in all stages.
    """

    request: Request
    places: tuple[Place, ...]
    strategies: dict[str, int]


@dataclass(frozen=True)
class Outputs:
    """The outputs on the example after the insertion, against those before.

    Args:
        equal: Bit for bit.
        difference: Largest absolute difference.
        largest: Largest absolute value before.
    """

    equal: bool
    difference: float
    largest: float


@dataclass(frozen=True)
class Report:
    """An insertion.

    Args:
        request: What was asked.
        spec: What was inserted.
        init: How it was initialised.
        weights: Where the trunk's weights are from; None for random ones.
        loaded: Tensors that were read from there.
        places: Where the blocks are.
        before: What one image costs without them.
        after: What it costs with them.
        share: What is booked on the blocks.
        uncounted: Why only parameters could be counted; empty if all could.
        outputs: Before and after.
    """

    request: Request
    spec: AttentionSpec
    init: Init
    weights: str | None
    loaded: int
    places: tuple[Place, ...]
    before: Work
    after: Work
    share: Work
    uncounted: str
    outputs: Outputs


def request(source: str, classes: int | None, where: str, stages: str | None, example: str, seed: int) -> Request:
    """Read the numbers of the command line.

    Raises:
        UsageError: They are none.
    """
    shape = numbers(example, "--example", "1,3,224,224")
    return Request(source, classes, where, stage_numbers(stages), shape, seed)


def list_places(asked: Request) -> Listing:
    """Find where blocks would go."""
    found = survey(_build(asked), asked.example)
    kinds = {place.kind for place in found.places}
    counts = Counter(str(p.strategy) for p in found.places if p.kind != "conv" or kinds == {"conv"})
    return Listing(asked, tuple(choose(found, SE(), asked.where, asked.stages)), dict(counts))


def put_in(asked: Request, text: str, init: Init, weights: str | None, again: bool) -> tuple[nn.Module, Report]:
    """Build, fill and insert; return the new model and what is to be said about it."""
    spec = parse(text)
    if spec is None:
        raise UsageError(f"{text} is no attention to insert", do="name SE, CBAM, SK or their options")
    old = _build(asked)
    loaded = fill(old, weights, architecture=architecture(asked.source)) if weights else 0
    new = insert(old, spec, where=asked.where, stages=asked.stages, init=init, example=asked.example, again=again)
    inserted = blocks(new)
    places = tuple(block.place for block in inserted.values())
    before, after, share, uncounted = _count(old, new, asked.example[1:])
    outputs = _compare(old, new, asked.example)
    return new, Report(asked, spec, init, weights, loaded, places, before, after, share, uncounted, outputs)


def _build(asked: Request) -> nn.Module:
    """Build the model."""
    find_modules_here(asked.source)
    torch.manual_seed(asked.seed)
    return build(asked.source, asked.classes)


def _count(old: nn.Module, new: nn.Module, size: tuple[int, ...]) -> tuple[Work, Work, Work, str]:
    try:
        before, after = cost(old, size), cost(new, size)
    except UsageError as error:  # it runs, but not without data
        parameters = [Work(sum(p.numel() for p in model.parameters())) for model in (old, new)]
        return parameters[0], parameters[1], parameters[1] - parameters[0], error.where
    return before.total, after.total, _share(new, after), ""


def _share(model: nn.Module, counted: Cost) -> Work:
    return sum((counted.under(name, attention=True) for name in blocks(model)), Work())


def _compare(old: nn.Module, new: nn.Module, example: tuple[int, ...]) -> Outputs:
    before, after = _run(old, example), _run(new, example)
    equal = len(before) == len(after) and all(
        torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in zip(before, after, strict=True)
    )
    difference = max((float((a - b).abs().max()) for a, b in zip(before, after, strict=False)), default=0.0)
    return Outputs(equal, difference, max((float(a.abs().max()) for a in before), default=0.0))


def _run(model: nn.Module, example: tuple[int, ...]) -> list[Tensor]:
    args, kwargs = arguments(model, example)
    with undisturbed(model):
        return [t for t in tensors(model(*args, **kwargs)) if t.is_floating_point() and t.numel()]
