"""One training step: optimizer, learning rate, averages, mixing; and the loss."""
