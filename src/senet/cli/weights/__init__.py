"""senet weights."""
