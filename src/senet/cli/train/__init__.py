"""senet train."""
