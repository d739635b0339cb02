"""What happens to an image before the network sees it: in training, in evaluation, by a user's settings."""
