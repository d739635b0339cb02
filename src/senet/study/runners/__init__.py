"""Where the trials of a study run: worker processes of this machine, a Ray cluster, the ranks of a launch."""
