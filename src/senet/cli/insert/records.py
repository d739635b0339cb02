"""What senet insert is asked for, and what it reports."""

from dataclasses import dataclass

from senet.accounting import Uncounted, Work
from senet.attention import AttentionSpec
from senet.insertion import Place
from senet.insertion.insert import Init
from senet.models import Placement, Start


@dataclass(frozen=True)
class InsertRequest:
    """Which model, and where in it.

    Args:
        network: Its name.
        placement: Strategy or glob, and stages.
        start: Weights, head, initialisation and geometry.
        example: Shape of a batch.
        classes: Outputs of the classifier; the source's own number if None.
        seed: Of the random weights.
    """

    network: str
    placement: Placement
    start: Start
    example: tuple[int, ...]
    classes: int | None
    seed: int


@dataclass(frozen=True)
class PlaceListing:
    """Where blocks would go.

    Args:
        request: What was asked.
        places: What it chooses.
        strategies: How many places each strategy has in all stages.
        tokens: How many residual sums are of tokens, and hold no place.
        embeddings: Which of the places are patch embeddings.
        embedded: What that means, a sentence; empty if none is.
    """

    request: InsertRequest
    places: tuple[Place, ...]
    strategies: dict[str, int]
    tokens: int
    embeddings: tuple[str, ...]
    embedded: str


@dataclass(frozen=True)
class OutputDifference:
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
class InsertReport:
    """An insertion.

    Args:
        request: What was asked.
        spec: What was inserted.
        init: How it was initialised.
        weights: Where the trunk's are from, in words.
        trained: Whether they are.
        places: Where the blocks are.
        before: What one image costs without them.
        after: What it costs with them.
        share: What is booked on the blocks.
        uncounted: Why only parameters could be counted; empty if all could.
        unknown: Operators that the totals lack.
        outputs: Before and after.
        embeddings: Which of the places are patch embeddings.
    """

    request: InsertRequest
    spec: AttentionSpec
    init: Init
    weights: str
    trained: bool
    places: tuple[Place, ...]
    before: Work
    after: Work
    share: Work
    uncounted: str
    unknown: tuple[Uncounted, ...]
    outputs: OutputDifference
    embeddings: tuple[str, ...]
