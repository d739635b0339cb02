"""What was found of the gates, as sentences, as the figures of the paper, and as a page to look around in."""
