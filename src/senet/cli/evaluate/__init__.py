"""senet evaluate."""
