"""Files of weights: which kind each is, read without running code, and the one writer."""
