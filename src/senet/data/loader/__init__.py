"""Batches: decoded beforehand into memory, or by workers as they are needed."""
