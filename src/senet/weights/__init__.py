"""Weights that people already have: read, translated to our names, checked and written."""

from senet.weights.files.write import write_state
from senet.weights.load import LoadReport, load_weights

Loaded = LoadReport  # its name before version 0.1.0

__all__ = ["LoadReport", "Loaded", "load_weights", "write_state"]
