"""What every room uses: text, files, dataclasses from plain values, the machine; no model, no data."""
