"""Weights that people already have: read, translated to our names, checked and written."""

from senet.weights.files.write import write_state
from senet.weights.load import Loaded, load_weights

__all__ = ["Loaded", "load_weights", "write_state"]
