"""senet predict."""
