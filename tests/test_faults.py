"""docs/faults.md is held to the tests that carry a row's number."""

import ast
import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "faults.md"
PROMISED = {*range(1, 27), *range(55, 82), 83, 84, 87, 88, 91, 92, *range(94, 108), 109}


def carried():
    """Count the tests of each row; one may carry two."""
    names = (
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )
    numbers = (re.match(r"test_row_(\d{2,3})(?:_and_(\d{2,3}))?_", name) for name in names)
    return Counter(int(number) for found in numbers if found for number in found.groups() if number)


def printed():
    rows = re.findall(r"^\| (\d+) \|.*\| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(row): int(tests) for row, tests in rows}


def test_every_promised_row_is_on_the_page_with_the_number_of_its_tests():
    found, page = carried(), printed()
    assert page.keys() >= PROMISED
    assert page == {row: found[row] for row in page}
    assert all(page.values())


def test_no_test_carries_a_row_in_another_form():
    text = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    assert not re.findall(r"^def test_row_(?!\d{2,3}_)", text, re.MULTILINE)
