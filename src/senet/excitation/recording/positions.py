"""Where the axes of the positions are in a tensor of weights."""

from senet.insertion.finding.existing import Shape
from senet.insertion.finding.graph import Value


def spatial_axes(raw: Value, sizes: Shape) -> tuple[int, int]:
    """Return the axes of positions, from the first to before the last: of (B, 1, *S), (B, *S) or (B, *S, 1).

    Args:
        raw: As the weights are read.
        sizes: Of the positions, S.
    """
    start = 2 if raw.shape[2:] == sizes and not raw.last else 1
    return start, start + len(sizes)
