"""What was found of a network's gates as one page, which opens offline: the strip of gates, and one gate at a time."""

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from senet.data.unused import sentences
from senet.excitation.page import report_words as words
from senet.excitation.page.figures import preferences, scales
from senet.excitation.page.findings import findings
from senet.excitation.page.report_data import page_data, too_large
from senet.excitation.summary import Excitation
from senet.page.page import flat, resource
from senet.page.page import render as page
from senet.text import counted

_SCRIPT = ("parts", "values", "strip", "controls", "profile", "heat", "positions", "drivers", "maps", "start")


def render(found: Excitation) -> str:
    """Return the page. It is to be written as UTF-8."""
    values = {
        "title": found.title,
        "found": found,
        "data": page_data(found),
        "too_large": too_large(found),
        "findings": findings(found),
        "unused": sentences(found.unused),
        "classes": list(zip(words.titles(found.classes), found.classes, strict=True)),
        "counts": [math.prod(gate.shape) for gate in found.gates],
        "scales": scales(found),
        "particulars": _particulars(found.particulars),
        "own_style": Markup(resource("report.css", "senet.excitation.page")),
        **{"words": words, "exact": _exact, "counted": counted},
    }
    return page("senet.excitation.page", values, preferences(found), _script())


def _script() -> str:
    """Return the page's own script, whose parts share their names with one another and with no other script."""
    parts = "\n".join(resource(f"script/{part}.js", "senet.excitation.page") for part in _SCRIPT)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _particulars(particulars: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each table under its name; what lies in none is a setting."""
    tables = {name: value for name, value in particulars.items() if isinstance(value, Mapping)}
    single = {name: value for name, value in particulars.items() if name not in tables}
    first = [("Settings", flat(single))] if single else []
    return first + [(name.capitalize(), flat(value)) for name, value in tables.items()]


def _exact(number: float) -> str:
    """Return what a column is sorted by, nothing where there is no number."""
    return repr(float(number)) if number == number else ""
