"""The log of a run: what the terminal is spared, tracebacks above all."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path


class _LazyFileHandler(logging.FileHandler):
    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


def add_log_file(path: Path) -> None:
    """Append the package's log records to a file; it and its folder are created with the first of them."""
    handler = _LazyFileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("senet").addHandler(handler)


@contextmanager
def closing_log_files() -> Iterator[None]:
    """Close the logs that begin within: another command of the same process has one of its own."""
    logger = logging.getLogger("senet")
    before = list(logger.handlers)
    try:
        yield
    finally:
        for handler in [one for one in logger.handlers if isinstance(one, _LazyFileHandler) and one not in before]:
            logger.removeHandler(handler)
            handler.close()
