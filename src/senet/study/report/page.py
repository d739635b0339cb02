"""The study as one page. Its template has the rows as they are, and what writes their numbers as text."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from senet.data.unused import unused_sentences
from senet.page.head import PageHeader, Verdict, date_text, page_title
from senet.page.page import render_page as page
from senet.page.page import settings_rows, settings_tables
from senet.study.gates.template_values import gate_template_values
from senet.study.report import tables as report_tables
from senet.study.report import words
from senet.study.report.figures import grouped_figures
from senet.study.report.gate_figure import gate_strips
from senet.study.report.words import seconds_text
from senet.study.statistics.verdict import outcome, verdict
from senet.study.summary import PublishedRow, Summary
from senet.utils.text import counted

MACHINE = {"Processor": "processor", "senet": "senet", "PyTorch": "torch"}  # of the environment, what a head shows


def render(summary: Summary, made: datetime | None = None) -> str:
    """Return the page. It is to be written as UTF-8.

    A study that is not finished, or has no trial yet, gives a page too; it says how much of it is there.

    Args:
        summary: What was found.
        made: When; None says nothing of it.
    """
    # Anchors are made of places: a name may be anything.
    places = {row.variant: place for place, row in enumerate(summary.rows)}
    groups = grouped_figures(summary)
    values = {
        "own": summary.title,
        "p_name": "p, corrected" if len(summary.rows) > 2 else "p",
        "progress": _progress(summary),
        **gate_template_values(summary),
        "verdicts": _verdicts(summary),
        "rows": summary.rows,
        "places": places,
        "results_texts": report_tables.export_texts(
            report_tables.results_shown(summary), report_tables.results_numbers(summary)
        ),
        "published": _by_figure(summary.published),
        "left_out": summary.left_out,
        "noted": [*summary.notes, *unused_sentences(summary.unused)],
        "trials": sorted(summary.trials, key=lambda trial: places.get(trial.variant, len(places))),
        "trials_texts": report_tables.export_texts(
            report_tables.trials_shown(summary), report_tables.trials_numbers(summary)
        ),
        "particulars": _particulars(summary),
        "figure_groups": [(heading, [figure.key for figure in figures]) for heading, figures in groups],
        **{"words": words, "outcome": outcome, "exact": _exact, "decimals": _decimals},
    }
    shown = [*gate_strips(summary), *(figure for _, figures in groups for figure in figures)]
    return page("senet.study.report", _head(summary, made), values, shown)


def _head(summary: Summary, made: datetime | None) -> PageHeader:
    heading, settings = summary.heading, summary.settings
    data = settings.get("data")
    source = data.get("source") if isinstance(data, Mapping) else None
    title = page_title(str(settings["network"]), str(source)) if "network" in settings and source else summary.title
    seconds = sum(trial.seconds for trial in summary.trials)
    facts = (
        *([("Made", date_text(made))] if made else []),
        ("Training took", f"{seconds_text(seconds)} in {counted(len(summary.trials), 'trial')}"),
        *[(name, str(summary.environment[key])) for name, key in MACHINE.items() if key in summary.environment],
    )
    return PageHeader(f"{heading.name}: {title}" if heading.name else title, heading.question, facts, heading.command)


def _particulars(summary: Summary) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the settings table by table; what lies in none is of the study itself."""
    others = {name: value for name, value in summary.settings.items() if name != "variants"}
    said = [(name, _in_line(value)) for name, value in summary.settings.get("variants", {}).items()]
    return [*settings_tables("Study", others), ("Variants", said), ("Environment", settings_rows(summary.environment))]


def _in_line(variant: Mapping[str, Any]) -> str:
    """Return what a variant is, in one line."""
    attention = dict(variant["attention"] or {"kind": "no attention"})
    placed = {key: value for key, value in variant.items() if key != "attention" and (key, value) != ("last", True)}
    said = [f"{key} {value}" for key, value in settings_rows(attention | placed) if key != "kind"]
    return ", ".join([str(attention.get("kind", "")), *said])


def _verdicts(summary: Summary) -> list[tuple[Verdict, str, int | None]]:
    """Return each verdict, its outcome and its variant's place; empty and None for sentences of another kind."""
    compared = {row.variant: (place, row.comparison) for place, row in enumerate(summary.rows) if row.comparison}
    known = {
        verdict(name, summary.rows[0].variant, c, variants=len(compared)): (outcome(c), place)
        for name, (place, c) in compared.items()
    }
    return [(said, *known.get(said, ("", None))) for said in summary.verdicts]


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
