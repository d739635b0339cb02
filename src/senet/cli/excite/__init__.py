"""senet excite."""
