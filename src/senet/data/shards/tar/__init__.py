"""WebDataset tars, read by index and written; nothing is unpacked or unpickled."""
