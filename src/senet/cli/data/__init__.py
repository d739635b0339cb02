"""senet data."""
