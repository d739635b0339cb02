"""Paired statistics of a study: tests, intervals, power, verdicts."""

from senet.study.statistics.paired import compare_with_baseline, mean_interval

compare = compare_with_baseline  # its name before version 0.1.0

__all__ = ["compare", "compare_with_baseline", "mean_interval"]
