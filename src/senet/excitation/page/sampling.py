"""Which values of a gate a figure shows, and what a profile says of them."""

from senet.excitation.summary import GateSummary, Numbers

SHOWN = 50
"""As many channels as the paper's figures show."""


def sampled(width: int, shown: int = SHOWN) -> list[int]:
    """Return `shown` numbers below `width`, uniformly spaced from 0; all where there are no more."""
    return list(range(width)) if width <= shown else [place * width // shown for place in range(shown)]


def width(gate: GateSummary) -> int:
    """Return how many channels a gate has; positions where it weighs those."""
    if gate.kind == "branches":
        return gate.shape[-1]
    count = 1
    for length in gate.shape:
        count *= length
    return count


def choice(gate: GateSummary, mean: Numbers) -> Numbers:
    """Return the weights of channels; of branches, those of the last one less those of the first."""
    if gate.kind != "branches" or not mean:
        return mean
    channels = width(gate)
    return tuple(last - first for first, last in zip(mean[:channels], mean[-channels:], strict=True))
