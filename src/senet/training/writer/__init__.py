"""Who keeps what a run finds: in files, or in memory."""
