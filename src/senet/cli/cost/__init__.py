"""senet cost."""
