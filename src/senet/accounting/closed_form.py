"""The papers' formulas for what attention costs, to hold against the count."""

from collections.abc import Iterable


def attention_weights(reduction: int, stages: Iterable[tuple[int, int]]) -> int:
    """Weights that SE blocks add, ``2/r * sum_s N_s * C_s^2``: Hu et al., arXiv 1709.01507v4, section 4.

    Without the gates' biases, which are ``sum_s N_s * (C_s/r + C_s)`` more. After the squeeze each weight is
    used once per image, so this is the number of multiply-adds that the blocks add, too.

    Args:
        reduction: r. Where it does not divide C_s, the hidden width is C_s // r, as in ``SE(width="floor")``.
        stages: (N_s, C_s) of each stage: its units and their output channels.
    """
    return sum(2 * units * channels * (channels // reduction) for units, channels in stages)
