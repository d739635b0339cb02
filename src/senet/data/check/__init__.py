"""senet data check: what would stop a run or spoil its score."""
