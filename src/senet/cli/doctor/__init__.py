"""senet doctor."""
