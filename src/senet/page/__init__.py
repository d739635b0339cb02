"""Pages that open anywhere, offline, and ask nobody for anything: what the reports are made of."""
