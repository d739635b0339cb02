"""Write docs/insertion-networks.md: what insertion finds in the networks of the tests' catalogue.

python benchmarks/insertion_networks.py
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from senet import SE
from senet.errors import UsageError
from senet.insertion import insert
from senet.insertion.places.choose import choose_places
from senet.insertion.places.place import STRATEGIES
from senet.insertion.places.survey import Survey, survey

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "insertion-networks.md"
sys.path.insert(0, str(ROOT / "tests" / "insertion"))

from catalogue import KINDS, ROWS, Row, selective  # noqa: E402  # lies beside the tests that prove what it says

HEAD = """# Insertion, network by network

Written by `python benchmarks/insertion_networks.py`; a test fails where it no longer fits the code.

"units" are those that were found by running the network once: residual, separable (a depthwise convolution and the
1x1 that follows, outside of residual units), concat (Inception, Fire, ShuffleNetV2, ...), dense (DenseNet), conv
(networks without other units). "stages" counts the units that carry a block in the standard place from the first
stage on; the number before the colon is that of the first. A number under a strategy is how many blocks it inserts;
"-" means that `insert` refuses it and says why. "SK" says whether a selective kernel can take the place of the 3x3
convolutions, which it can where a ReLU follows each. "own" is the number of gates that the network has already:
`insert` refuses to add to them without `again=True`.

Tests show for every row that the units are those of the architecture, counted by the library's own classes; that
with `init="preserve"` each strategy leaves outputs and running statistics bit-equal in evaluation and in training;
that every gate gets gradients within two steps; and that removal gives back the original, bit for bit.

| network | units | stages | standard | pre | post | identity | conv3x3 | SK | own |
|---|---|---|---:|---:|---:|---:|---:|---|---:|
"""


def units(found: Survey) -> str:
    """Count the units by kind."""
    counts = Counter({k: max(_count(found, k, s) for s in STRATEGIES) for k in KINDS})
    return ", ".join(f"{n} {kind}" for kind, n in counts.items() if n and (kind != "conv" or found.only_convolutions))


def _count(found: Survey, kind: str, strategy: str) -> int:
    return sum(place.kind == kind and place.strategy == strategy for place in found.places)


def chosen(found: Survey, strategy: str) -> list[Any]:
    """Return the places of a strategy, none if it is refused."""
    try:
        return list(choose_places(found, SE(), strategy, None))
    except UsageError:
        return []


def stages(found: Survey) -> str:
    """Count the standard places stage by stage."""
    counts = Counter(place.stage for place in chosen(found, "standard"))
    numbers = range(min(counts, default=0), max(counts, default=-1) + 1)
    return f"{min(counts)}: {', '.join(str(counts[n]) for n in numbers)}" if counts else "-"


def selects(row: Row, model: Any, found: Survey) -> bool:
    """Whether a selective kernel goes in."""
    try:
        insert(model, selective(found.places), example=row.example, again=True)
    except UsageError:
        return False
    return True


def line(row: Row, model: Any, found: Survey) -> str:
    """Return a network's line."""
    cells = [f"`{row.source}`", units(found), stages(found)]
    cells += [str(len(chosen(found, strategy)) or "-") for strategy in STRATEGIES]
    cells += ["yes" if selects(row, model, found) else "-", str(len(found.attention) or "")]
    return f"| {' | '.join(cells)} |\n"


def page() -> str:
    """Return the whole page."""
    rows = [row for row in ROWS if not row.source.startswith("own:")]
    models = ((row, row.build()) for row in rows)
    return "".join([HEAD, *(line(row, model, survey(model, row.example)) for row, model in models)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
