"""A study's figures: which there are, and which stand together."""

from senet.page.figure import Figure
from senet.study.report.cost_figure import cost_figures
from senet.study.report.forest_plot import paired_differences
from senet.study.report.gate_figure import gate_strips
from senet.study.report.learning_curves import curve_by_curve, learning_curves
from senet.study.report.ordered_figure import ordered
from senet.study.summary import Summary


def figures(summary: Summary) -> list[Figure]:
    """Return the figures that the study's numbers allow."""
    return [*gate_strips(summary), *(figure for _, made in grouped(summary) for figure in made)]


def grouped(summary: Summary) -> list[tuple[str, list[Figure]]]:
    """Return the figures of scores under their headings; a group may be empty."""
    return [
        ("Differences, seed by seed", paired_differences(summary)),
        ("Accuracy over what varies", ordered(summary)),
        ("Learning curves", learning_curves(summary)),
        ("Learning curves, variant by variant", curve_by_curve(summary)),
        ("Accuracy against cost", cost_figures(summary.rows)),
    ]
