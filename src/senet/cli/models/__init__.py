"""senet models."""
