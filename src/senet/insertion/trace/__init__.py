"""One forward pass, recorded operator by operator, and questions to it."""
