"""A page of scores alone: what weights reach on data, and where they err."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from senet.page.head import PageHeader, Verdict
from senet.page.page import read_resource
from senet.page.page import render_page as page
from senet.scores.confusion_figure import confusion_figures
from senet.scores.section import ScoreSection

COSTS = {"Parameters": "parameters", "Multiply-adds of one image": "multiply_adds"}


@dataclass(frozen=True)
class ScorePage:
    """What the page says beside the classes.

    Args:
        head: What it is of.
        verdicts: What is said first.
        unused: What of the data was not scored, in sentences.
        particulars: Settings under their headings.
    """

    head: PageHeader
    verdicts: tuple[Verdict, ...]
    unused: tuple[str, ...]
    particulars: tuple[tuple[str, list[tuple[str, str]]], ...]


def cost_facts(said: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return what a network costs as facts of a head; what is not known is left out."""
    numbers = ((name, said.get(key)) for name, key in COSTS.items())
    return [(name, f"{number:,}") for name, number in numbers if isinstance(number, int)]


def section_style() -> Markup:
    """Return how the part of the classes looks."""
    return Markup(read_resource("section.css", "senet.scores"))


def render_score_page(said: ScorePage, classified: ScoreSection) -> str:
    """Return the page. It is to be written as UTF-8."""
    values = {
        "verdicts": said.verdicts,
        "unused": said.unused,
        "particulars": said.particulars,
        "classified": classified,
        "images": sum(images for *_, images in classified.found.pairs),
        "own_style": section_style(),
    }
    return page("senet.scores", said.head, values, confusion_figures(classified))
