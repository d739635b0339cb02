"""Checkpoints: written whole, verified, kept, continued from."""
