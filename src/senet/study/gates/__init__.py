"""What the gates of a study's trials learned: looked at once a trial, kept beside its result, compared over seeds."""
