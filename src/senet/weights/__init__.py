"""Weights that people already have: read, translated to our names, checked and written."""

from senet.weights.load import Loaded, load_weights
from senet.weights.pretrained import create
from senet.weights.save import save_weights, write_state

__all__ = ["Loaded", "create", "load_weights", "save_weights", "write_state"]
