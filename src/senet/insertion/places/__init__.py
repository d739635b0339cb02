"""Where a block can go: the units of a network, the places in them, which of them are meant."""
