"""A study's figures: which there are, and which stand together."""

from senet.page.figure import Figure
from senet.study.report.cost_figure import cost_figures
from senet.study.report.forest_plot import forest_plots
from senet.study.report.gate_figure import gate_strips
from senet.study.report.learning_curves import learning_curves, variant_curves
from senet.study.report.ordered_figure import ordered_figure
from senet.study.summary import Summary


def figures(summary: Summary) -> list[Figure]:
    """Return the figures that the study's numbers allow."""
    return [*gate_strips(summary), *(figure for _, made in grouped_figures(summary) for figure in made)]


def grouped_figures(summary: Summary) -> list[tuple[str, list[Figure]]]:
    """Return the figures of scores under their headings; a group may be empty."""
    return [
        ("Differences, seed by seed", forest_plots(summary)),
        ("Accuracy over what varies", ordered_figure(summary)),
        ("Learning curves", learning_curves(summary)),
        ("Learning curves, variant by variant", variant_curves(summary)),
        ("Accuracy against cost", cost_figures(summary.rows)),
    ]
