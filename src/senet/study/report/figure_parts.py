"""What the study's figures share: names, accuracies, interval bars."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from senet.page.figure import inline_data
from senet.study.report.words import interval_text
from senet.study.summary import VariantRow
from senet.utils.text import printable

ACCURACY = "Test accuracy, %"


def variant_names(rows: Sequence[VariantRow]) -> list[str]:
    """Return the variants' names, as text, in the order of their colours."""
    return [printable(row.variant) for row in rows]


def accuracy_values(row: VariantRow) -> dict[str, Any]:
    """Return a variant's mean accuracy and its interval."""
    return {
        "variant": printable(row.variant),
        "accuracy": row.accuracy.mean,
        "low": row.accuracy.low,
        "high": row.accuracy.high,
        "interval": interval_text(row.accuracy),
    }


def interval_bars(chart: alt.Chart, values: Sequence[dict[str, Any]]) -> list[alt.Chart]:
    """Give the chart the values that have an interval: a bar without ends would be drawn from zero."""
    bounded = [value for value in values if value["low"] is not None]
    return [chart.properties(data=inline_data(bounded))] if bounded else []
