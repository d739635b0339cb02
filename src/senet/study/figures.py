"""A study's figures: which there are."""

from senet.page.figure import Figure
from senet.study.figures_cost import cost_figures
from senet.study.figures_curves import learning_curves
from senet.study.figures_gates import gate_strips
from senet.study.figures_order import ordered
from senet.study.figures_paired import paired_differences
from senet.study.summary import Summary


def figures(summary: Summary) -> list[Figure]:
    """Return the figures that the study's numbers allow."""
    compared = [*paired_differences(summary), *ordered(summary), *learning_curves(summary)]
    return [*gate_strips(summary), *compared, *cost_figures(summary.rows)]
