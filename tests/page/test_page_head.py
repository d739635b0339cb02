from datetime import UTC, datetime

import pytest

from senet.page.figure import _ticks
from senet.page.head import date_text, page_title
from senet.utils.text import true_minus


@pytest.mark.parametrize(
    ("network", "data", "title"),
    [
        ("resnet8", "digits", "resnet8 on digits"),
        ("torchvision:resnet18", "folder:/home/me/photos/", "torchvision:resnet18 on photos"),
        ("/home/me/runs/a/weights/best.safetensors", "list:/home/me/all.csv", "a on all.csv"),
        ("/home/me/net.py:build", "shards:https://example.org/photos", "net.py:build on photos"),
        ("resnet8 with /home/me/gate.py:Gate(k=3)", "digits", "resnet8 with gate.py:Gate(k=3) on digits"),
        ("package.module:build", "folder:.", "package.module:build on ."),
    ],
)
def test_a_title_has_names_without_the_folders_of_one_machine(network, data, title):
    assert page_title(network, data) == title


def test_a_date_is_written_out():
    assert date_text(datetime(2026, 3, 9, 6, 5, tzinfo=UTC)) == "9 March 2026, 06:05 UTC"


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ("[-0.16, 0.81]", "[\u22120.16, 0.81]"),
        ("-1.2 points [-3, -0.5), p=0.03", "\u22121.2 points [\u22123, \u22120.5), p=0.03"),
        ("step-1 of 3-4", "step-1 of 3-4"),
    ],
)
def test_a_page_has_minus_signs_where_numbers_are_negative(numbers, shown):
    assert true_minus(numbers) == shown


@pytest.mark.parametrize(
    ("first", "last", "ticks"),
    [
        (1, 1, [1]),
        (1, 3, [1, 2, 3]),
        (1, 30, [1, 5, 10, 15, 20, 25, 30]),
        (1, 200, [1, 50, 100, 150, 200]),
        (10, 25, [10, 15, 20, 25]),
    ],
)
def test_counting_axes_have_round_whole_numbers(first, last, ticks):
    assert _ticks(first, last) == ticks
