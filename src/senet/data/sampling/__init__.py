"""Splits, the order of batches, shares of ranks; all of it a function of seeds."""
