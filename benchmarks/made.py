"""Which version of the numbers a page holds: trials of another one are not those of this code."""

from senet.study.plan import RESULTS_VERSION

NAME = "results version"
LINE = f"- {NAME}: {RESULTS_VERSION}"
