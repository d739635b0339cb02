"""Trials: one run each, its files, what a study's machine takes for them."""
