"""The study as one page. Its template has the rows as they are, and what writes their numbers as text."""

import math
from collections.abc import Sequence
from decimal import Decimal

from senet.data.unused import sentences
from senet.page.page import flat
from senet.page.page import render as page
from senet.study import sheets, words
from senet.study.figures import figures
from senet.study.gates.shown import shown_gates
from senet.study.summary import PublishedRow, Summary
from senet.study.verdict import outcome, verdict


def render(summary: Summary) -> str:
    """Return the page. It is to be written as UTF-8.

    A study that is not finished, or has no trial yet, gives a page too; it says how much of it is there.
    """
    # Anchors are made of places: a name may be anything.
    places = {row.variant: place for place, row in enumerate(summary.rows)}
    values = {
        "title": summary.title,
        "p_name": "p, corrected" if len(summary.rows) > 2 else "p",
        "progress": _progress(summary),
        **shown_gates(summary),
        "verdicts": _verdicts(summary),
        "rows": summary.rows,
        "places": places,
        "results_texts": sheets.texts(sheets.results_shown(summary), sheets.results_numbers(summary)),
        "published": _by_figure(summary.published),
        "left_out": summary.left_out,
        "unused": sentences(summary.unused),
        "trials": sorted(summary.trials, key=lambda trial: places.get(trial.variant, len(places))),
        "trials_texts": sheets.texts(sheets.trials_shown(summary), sheets.trials_numbers(summary)),
        "particulars": [("Settings", flat(summary.settings)), ("Environment", flat(summary.environment))],
        **{"words": words, "outcome": outcome, "exact": _exact, "decimals": _decimals},
    }
    return page("senet.study", values, figures(summary))


def _verdicts(summary: Summary) -> list[tuple[str, str, int | None]]:
    """Return each sentence, its outcome and its variant's place; empty and None for sentences of another kind."""
    compared = {row.variant: (place, row.comparison) for place, row in enumerate(summary.rows) if row.comparison}
    known = {
        verdict(name, summary.rows[0].variant, c, variants=len(compared)): (outcome(c), place)
        for name, (place, c) in compared.items()
    }
    return [(sentence, *known.get(sentence, ("", None))) for sentence in summary.verdicts]


def _progress(summary: Summary) -> str:
    """Return how much of an unfinished study is there, empty where every trial has run."""
    kinds = [trial.kind for trial in summary.left_out]
    if "missing" not in kinds:
        return ""
    scoreless = kinds.count("failed") + kinds.count("diverged")
    planned = len(summary.trials) + kinds.count("missing") + scoreless
    also = f" {scoreless} more ran and gave no score." if scoreless else ""
    return f"{len(summary.trials)} of {planned} trials have finished; what follows is of those.{also}"


def _by_figure(published: Sequence[PublishedRow]) -> dict[str, list[PublishedRow]]:
    """Return the papers' rows by what they printed."""
    figures = dict.fromkeys(row.figure for row in published)
    return {figure: [row for row in published if row.figure == figure] for figure in figures}


def _decimals(printed: Sequence[PublishedRow]) -> int:
    """Return how many decimals tell all values, so that 22.3 stands as 22.30 beside 22.29."""
    exponents = (Decimal(repr(float(row.value))).normalize().as_tuple().exponent for row in printed)
    return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)))


def _exact(number: float | None) -> str:
    """Return what a column is sorted by, nothing where there is no number."""
    return "" if number is None or not math.isfinite(number) else repr(float(number))
