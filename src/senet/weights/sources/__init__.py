"""Whose names weights have: one source, one file."""
