"""A trained model on images: in which precision and layout it runs, what it says of them, how often it is right."""
