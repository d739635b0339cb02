"""Where a block can go: one forward pass, recorded; the units in it; the places in those; which of them are meant."""
