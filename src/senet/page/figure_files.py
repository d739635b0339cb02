"""Figures as files for a paper, SVG and PDF, in the light colours."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import vl_convert

from senet.page.figure import Figure
from senet.page.page import vega_lite_version
from senet.utils.files import write_atomically, write_text

FLAG = "--figures"  # of every command that writes them
_WIDTH = 560
_CHARACTER, _SYMBOL = 7, 30  # pixels: of a legend's text, about, and of the symbol before it
_VARIABLE = re.compile(r"var\(--(?:ink|muted|grid|surface|variant-\d), (#\w+)\)")


def write_figures(figures: Iterable[Figure], folder: Path) -> list[Path]:
    """Write each figure as ``<key>.svg`` and ``<key>.pdf``; return their paths.

    Args:
        figures: Of a report; no two have one key.
        folder: Is made if it is not there; files of the same names are replaced.

    Raises:
        UsageError: Something of a file's name is there that is no file.
        ResourceError: The folder cannot be written or the disk is full.
    """
    return [path for figure in figures for path in _write(figure, folder)]


def _write(figure: Figure, folder: Path) -> tuple[Path, Path]:
    spec, version = standalone(figure), vega_lite_version()
    svg, pdf = folder / f"{figure.key}.svg", folder / f"{figure.key}.pdf"
    write_text(svg, vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[]), FLAG)
    content = vl_convert.vegalite_to_pdf(spec, vl_version=version, allowed_base_urls=[])
    write_atomically(pdf, lambda temporary: temporary.write_bytes(content), FLAG)
    return svg, pdf


def standalone(figure: Figure) -> dict[str, Any]:
    """Return the figure's specification for a file: what the page gives it, size, title, legend, colours, is in it."""
    spec = _without_page(figure.spec, figure.legend)
    title = {"text": figure.title, "anchor": "start", "fontSize": 14, "offset": 12}
    return {**spec, "width": _WIDTH, "background": "white", "title": title, "description": figure.caption}


def _without_page(value: Any, legend: bool) -> Any:
    """Put the light theme's colours in place of the page's variables, and a legend where one is called for."""
    if isinstance(value, str):
        variable = _VARIABLE.fullmatch(value)
        return variable[1] if variable else value
    if isinstance(value, list):
        return [_without_page(item, legend) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _without_page(item, legend) if key != "datasets" else item for key, item in value.items()}
    if legend and plain.get("field") == "variant" and plain.get("legend", ...) is None:
        columns = _columns(plain.get("scale", {}).get("domain", []))
        plain["legend"] = {"title": None, "orient": "bottom", "columns": columns, "labelLimit": 0, "symbolOpacity": 1}
    return plain


def _columns(names: list[str]) -> int:
    """Return how many names a line of the legend has room for; none is cut."""
    widest = max(map(len, names), default=1) * _CHARACTER + _SYMBOL
    return max(1, _WIDTH // widest)
