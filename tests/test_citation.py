# CITATION.cff names the paper of every block.

import re
import sys
from pathlib import Path

import pytest

from senet.attention import SPECS

CITATION = (Path(__file__).parent.parent / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SPECS)
def test_the_paper_of_a_block_is_cited(name):
    number = re.search(r"arXiv (\d{4}\.\d{5})", sys.modules[SPECS[name].__module__].__doc__)
    assert f"doi: 10.48550/arXiv.{number[1]}\n" in CITATION
