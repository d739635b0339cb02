# docs/attention.md: its table is made of the table of specs, and its code is the example's.

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "attention.md").read_text(encoding="utf-8")


def test_the_table_of_blocks_is_made_of_the_table_of_specs():
    script = runpy.run_path(str(ROOT / "benchmarks" / "attention_page.py"))
    block = re.search(r"<!-- blocks -->\n(.*)\n<!-- /blocks -->", PAGE, re.DOTALL)
    assert block
    assert block[1] == script["table"](), "python benchmarks/attention_page.py draws it"


def test_the_python_on_the_page_runs():
    names = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, names)
    assert names["weights"].shape == (2, 64, 1, 1)


def test_the_block_of_ones_own_is_the_example():
    example = (ROOT / "examples" / "own_gate.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```" in PAGE


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h#][^)#]*)", PAGE))
def test_the_links_on_the_page_lead_somewhere(link):
    assert (ROOT / "docs" / link).exists()
