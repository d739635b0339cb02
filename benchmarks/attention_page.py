"""Draw the table of blocks in docs/attention.md from the table of specs: python benchmarks/attention_page.py."""

import re
import sys
from pathlib import Path
from typing import Any

from senet.attention import SPECS, build_convolution, build_gate
from senet.errors import UsageError

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "attention.md"
MARKED = re.compile(r"(<!-- blocks -->\n).*?(\n<!-- /blocks -->)", re.DOTALL)


def table() -> str:
    """Return the table: of each public spec its file, its paper, what its block does, and how it can start."""
    heading = ("spec", "paper", "its block", "starts as the identity")
    rows = [heading, ("---",) * len(heading), *(row(name, kind) for name, kind in SPECS.items())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(name: str, kind: Any) -> tuple[str, ...]:
    """Return the cells of one spec, in its paper's choices."""
    module: Any = sys.modules[kind.__module__]
    paper = module.__doc__.partition("\n")[0].removesuffix(".")
    block: Any = build_gate(kind(), 256) if kind.slot == "gate" else build_convolution(kind(), 256, 256, 1)
    link = f"[`{name}`](../src/{kind.__module__.replace('.', '/')}.py)"
    return link, paper, f"{type(block).__name__}, {block.effect.value}", "yes" if starts(block) else "no"


def starts(block: Any) -> bool:
    """Whether a block can start as the identity."""
    try:
        block.start_as_identity()
    except UsageError:
        return False
    return True


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARKED.sub(lambda mark: mark[1] + table() + mark[2], text), encoding="utf-8")
