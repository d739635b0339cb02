"""Paired statistics of a study: tests, intervals, power, verdicts."""
