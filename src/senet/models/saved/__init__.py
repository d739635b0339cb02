"""Models with inserted blocks in a folder: weights, and the record that rebuilds them."""
