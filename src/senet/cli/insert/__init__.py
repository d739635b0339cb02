"""senet insert."""
