"""The paper's figures of what was found, as Vega-Lite: for files, and for the page's own."""

from senet.excitation.page.figures_gates import gate_strip, preference_figure, scale_labels
from senet.excitation.page.figures_profiles import class_profiles, position_map, within_class_profile
from senet.excitation.summary import Excitation
from senet.page.figure import Figure

__all__ = ["figures", "preference_figure", "scale_labels"]


def figures(found: Excitation) -> list[Figure]:
    """Return the figures that the numbers allow: all gates at once, then each gate.

    For a gate over channels or branches that is figure 6 of arXiv 1709.01507v4 (means of classes) and figure 7 (mean
    and deviation within a class); for one over positions, its mean map.
    """
    several = [*gate_strip(found), *preference_figure(found)]
    each = [
        figure
        for place in range(len(found.gates))
        for figure in (*class_profiles(found, place), *within_class_profile(found, place), *position_map(found, place))
    ]
    return several + each
