"""Channel attention for convolutional networks on PyTorch: build it, measure whether it pays, ship it."""
__version__ = "0.1.0"
