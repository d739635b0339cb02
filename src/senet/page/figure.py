"""A figure of a page."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        key: Names its place in the page.
        title: Above it.
        caption: How to read it.
        legend: Whether colour alone names what is drawn.
        spec: Vega-Lite, JSON-ready.
    """

    key: str
    title: str
    caption: str
    legend: bool
    spec: dict[str, Any]
