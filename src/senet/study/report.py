"""The study as one page."""

from importlib.resources import files

from senet.page.page import flat
from senet.page.page import render as page
from senet.study import sheets
from senet.study.figures import figures
from senet.study.report_published import published_tables
from senet.study.report_rows import progress, result_line, trial_lines, verdict_lines
from senet.study.summary import Summary


def render(summary: Summary) -> str:
    """Return the page. It is to be written as UTF-8.

    A study that is not finished, or has no trial yet, gives a page too; it says how much of it is there.
    """
    values = {
        "title": summary.title,
        "p_name": "p, corrected" if len(summary.rows) > 2 else "p",
        "progress": progress(summary),
        "verdicts": verdict_lines(summary),
        "rows": [result_line(row, place) for place, row in enumerate(summary.rows)],
        "results_texts": sheets.texts(sheets.results_shown(summary), sheets.results_numbers(summary)),
        "published": published_tables(summary),
        "left_out": summary.left_out,
        "trials": trial_lines(summary),
        "trials_texts": sheets.texts(sheets.trials_shown(summary), sheets.trials_numbers(summary)),
        "particulars": [("Settings", flat(summary.settings)), ("Environment", flat(summary.environment))],
    }
    template = files("senet.study").joinpath("report.html.j2").read_text(encoding="utf-8")
    return page(template, values, figures(summary))
