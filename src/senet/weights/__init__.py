"""Weights that people already have: read, translated to our names, checked and written."""

from senet.weights.load import Loaded, load_weights
from senet.weights.save import write_state

__all__ = ["Loaded", "load_weights", "write_state"]
