"""Write docs/networks.md: every network, our counts beside the published ones, and why they differ.

python benchmarks/networks.py
"""

from pathlib import Path

import torch

from senet.accounting import Cost, cost
from senet.networks import NETWORKS, create
from senet.networks.published.figures import ALL_FIGURES, PublishedFigure, parse_figure

PAGE = Path(__file__).parent.parent / "docs" / "networks.md"
HEAD = """# Networks

Written by `python benchmarks/networks.py`; a test fails where it no longer fits the code.

Parameters are trainable ones (no running statistics), multiply-adds those of convolutions and linear layers for
one image of the size given. "digits" says how far the printed figure is reproduced: `equal` to its last digit,
or by how much ours differs; the note says why. A network without a figure has none in the sources that we could
check: it is built from its paper's text, and nothing is claimed about it.

Sources count differently. SENet's GFLOPs contain about one operation per element of pooling, scale and sum, its
printed parameters seem to contain batch norm's running statistics; CBAM's paper has the stride in the first 1x1
of a bottleneck, its authors' code, which our rows follow, in the 3x3.

## Counts

| network | attention | input | parameters | multiply-adds |
|---|---|---:|---:|---:|
"""
PUBLISHED = """
## Beside the published figures

| network | parameters printed | digits | multiply-adds printed | digits | source | note |
|---|---:|---|---:|---|---|---|
"""


DENSE = """
## Larger images: a map of class scores

A classifier here is global average pooling (Lin et al., Network in Network) and a linear layer. `senet.dense(model)`
turns it around: the linear layer becomes a 1x1 convolution before the pooling, and the network gives a map of class
scores. At any size the mean of the map equals the pooled classifier's logits, to rounding: both steps are linear.

It does not follow that one window of the map equals the classifier on that crop. It does in a network without
padding and without a global squeeze. Zero padding shows a crop zeros where the large image shows its neighbours,
and a squeeze, as attention has it, averages over all that it is given: over the whole image, or over the crop
alone. Most networks on this page have both. VGG-16 and MobileNetV3 have a hidden layer behind the pooling, and
`dense` refuses them.
"""


def counted(name: str) -> Cost:
    """Count a network at its own size, without its data."""
    with torch.device("meta"):
        return cost(create(name), (3, NETWORKS[name].size, NETWORKS[name].size))


def agreement(ours: int, printed: str) -> str:
    """Say whether a printed figure is ours to its last digit, else the difference in percent."""
    if not printed:
        return ""
    value = parse_figure(printed)
    return "equal" if abs(ours - value) <= half_of_last_digit(printed) else f"{100 * (ours - value) / value:+.2f}%"


def half_of_last_digit(printed: str) -> float:
    """Return half a unit of the last printed digit: ``3.87 G`` is right within 5,000,000."""
    digits, _, unit = printed.replace(",", "").partition(" ")
    decimals = len(digits.partition(".")[2])
    return 0.5 * parse_figure(f"1 {unit}" if unit else "1") / 10**decimals if unit else 0.0


def count_row(name: str, ours: Cost) -> str:
    """One line of the first table."""
    spec = NETWORKS[name]
    return f"| `{name}` | {spec.attention or ''} | {spec.size} | {ours.parameters:,} | {ours.multiply_adds:,} |\n"


def figure_row(name: str, ours: Cost, figure: PublishedFigure) -> str:
    """One line of the second table."""
    cells = [
        f"`{name}`",
        figure.parameters,
        agreement(ours.parameters, figure.parameters),
        figure.multiply_adds,
        agreement(ours.multiply_adds, figure.multiply_adds),
        figure.source,
        figure.note,
    ]
    return f"| {' | '.join(cells)} |\n"


def page() -> str:
    """Return the whole page."""
    costs = {name: counted(name) for name in NETWORKS}
    rows = [count_row(name, costs[name]) for name in NETWORKS]
    figures = [figure_row(name, costs[name], f) for name in NETWORKS for f in ALL_FIGURES.get(name, ())]
    return "".join([HEAD, *rows, PUBLISHED, *figures, DENSE])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
