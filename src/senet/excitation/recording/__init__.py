"""Read the gates of a model: find them in one pass, hook the modules that return them, leave nothing behind."""
