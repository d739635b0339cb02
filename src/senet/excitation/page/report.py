"""What was found of a network's gates as one page, which opens offline: the strip of gates, and one gate at a time."""

import math
from datetime import datetime

from markupsafe import Markup

from senet.data.unused import sentences
from senet.excitation.page import report_words as words
from senet.excitation.page.figures import preferences, scales
from senet.excitation.page.findings import findings
from senet.excitation.page.report_data import page_data, too_large
from senet.excitation.summary import Excitation
from senet.page.head import Head, date_text
from senet.page.page import render as page
from senet.page.page import resource, tables
from senet.text import counted

_SCRIPT = ("parts", "values", "strip", "controls", "profile", "heat", "positions", "drivers", "maps", "start")


def render(found: Excitation, made: datetime | None = None, command: str = "") -> str:
    """Return the page. It is to be written as UTF-8.

    Args:
        found: What was found.
        made: When; None says nothing of it.
        command: That made it, as a shell takes it; empty says nothing of it.
    """
    facts = (("Made", date_text(made)),) if made else ()
    head = Head(found.title, facts=facts, command=command)
    values = {
        "found": found,
        "data": page_data(found),
        "too_large": too_large(found),
        "findings": findings(found),
        "unused": sentences(found.unused),
        "classes": list(zip(words.titles(found.classes), found.classes, strict=True)),
        "counts": [math.prod(gate.shape) for gate in found.gates],
        "scales": scales(found),
        "particulars": tables("Settings", found.particulars),
        "own_style": Markup(resource("report.css", "senet.excitation.page")),
        **{"words": words, "exact": _exact, "counted": counted},
    }
    return page("senet.excitation.page", head, values, preferences(found), _script())


def _script() -> str:
    """Return the page's own script, whose parts share their names with one another and with no other script."""
    parts = "\n".join(resource(f"script/{part}.js", "senet.excitation.page") for part in _SCRIPT)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _exact(number: float) -> str:
    """Return what a column is sorted by, nothing where there is no number."""
    return repr(float(number)) if number == number else ""
