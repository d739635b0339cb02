"""Studies: variants x paired seeds, honest statistics, a table and a report."""
