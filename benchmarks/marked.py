"""The parts of pages that commands write: what stands between ``<!-- name -->`` and ``<!-- /name -->``."""

import re
from pathlib import Path


def write_part(page: Path, name: str, text: str) -> None:
    """Put text in the place of a marked part, which must be there."""
    part = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(\n<!-- /{re.escape(name)} -->)", re.DOTALL)
    written, count = part.subn(lambda mark: mark[1] + text + mark[2], page.read_text(encoding="utf-8"))
    assert count == 1, f"{page} has {count} parts {name}"
    page.write_text(written, encoding="utf-8")
