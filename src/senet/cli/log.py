"""The log of a run: what the terminal is spared, tracebacks above all."""

import logging
from pathlib import Path


def log_to(path: Path) -> None:
    """Append the package's log records to a file; it is created with the first of them."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("senet").addHandler(handler)
