"""The published rows: every network by name, one frozen spec a row, what papers print of it."""
