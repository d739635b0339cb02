import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATOR = runpy.run_path(str(ROOT / "benchmarks" / "networks.py"))


@pytest.mark.slow
def test_the_page_of_networks_fits_the_code():
    written = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    assert GENERATOR["page"]() == written, "run: python benchmarks/networks.py"


@pytest.mark.parametrize(
    ("ours", "printed", "expected"),
    [
        (28_088_024, "28.1 M", "equal"),
        (28_149_999, "28.1 M", "equal"),
        (28_150_001, "28.1 M", "+0.18%"),
        (28_088_024, "28,088,024", "equal"),
        (28_088_025, "28,088,024", "+0.00%"),
        (3_860_488_192, "3.87 G", "-0.25%"),
        (568_740_352, "569 M", "equal"),
        (5, "", ""),
    ],
)
def test_a_printed_figure_is_equal_to_its_last_digit_or_says_by_how_much(ours, printed, expected):
    assert GENERATOR["agreement"](ours, printed) == expected
