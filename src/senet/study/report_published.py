"""A paper's own numbers beside ours, a table for each of its figures."""

from decimal import Decimal
from typing import Any

from senet.study.summary import PublishedRow, Row, Summary
from senet.study.words import interval_text, points


def published_tables(summary: Summary) -> list[dict[str, Any]]:
    """Return a table for each figure that a paper printed."""
    figures = dict.fromkeys(row.figure for row in summary.published)
    return [_table(figure, [row for row in summary.published if row.figure == figure], summary) for figure in figures]


def _table(figure: str, printed: list[PublishedRow], summary: Summary) -> dict[str, Any]:
    decimals = max(_decimals(row.value) for row in printed)
    ours = {row.variant: (place, row) for place, row in enumerate(summary.rows)}
    return {
        "figure": figure,
        "comparable": figure.startswith("top-1"),  # our score is a top-1 accuracy
        "rows": [
            {
                "variant": row.variant,
                "network": row.network,
                "value": f"{row.value:.{decimals}f}",
                "source": row.source,
                "ours": _ours(*ours[row.variant]) if row.variant in ours else None,
            }
            for row in printed
        ],
    }


def _decimals(value: float) -> int:
    """Return how many decimals tell the value, so that 22.3 stands as 22.30 beside 22.29."""
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _ours(place: int, row: Row) -> dict[str, Any]:
    return {
        "place": place,
        "accuracy": points(row.accuracy.mean),
        "interval": interval_text(row.accuracy),
        "error": points(100 - row.accuracy.mean),
    }
