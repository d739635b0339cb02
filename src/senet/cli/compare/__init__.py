"""senet compare and senet studies."""
