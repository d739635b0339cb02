"""What the gates do on single images, read again: what drives a channel, maps over positions, branches at scales."""
