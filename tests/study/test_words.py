import math

import pytest

from senet.study.report.words import count_text, interval_text, p_text, points, seconds_text
from senet.study.summary import Interval
from senet.utils.text import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("SE(reduction=4)", "SE(reduction=4)"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202eevil\u200b", "\\u202eevil\\u200b"),
        ("\ud800\u2028\x9b", "\\ud800\\u2028\\x9b"),
        ("größer 注意 %s", "größer 注意 %s"),
    ],
)
def test_names_become_plain_text(name, shown):
    assert printable(name) == shown
    printable(name).encode("utf-8")


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (1.0, "1"),
        (0.42, "0.42"),
        (0.125, "0.125"),
        (0.03125, "0.031"),
        (2 / 256, "0.0078"),
        (0.05, "0.05"),
        (0.0504, "0.0504"),
        (0.05002, "0.05002"),
        (0.0004, "<0.001"),
    ],
)
def test_p(p, shown):
    assert p_text(p) == shown


@pytest.mark.parametrize("p", [k / 2**15 for k in range(1600, 1680)])
def test_a_printed_p_stays_on_its_side_of_the_line(p):
    assert (float(p_text(p)) <= 0.05) == (p <= 0.05)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.424, "0.42"), (-1.0, "-1.00"), (0.0, "0.00"), (-0.0, "0.00"), (0.0034, "0.003"), (math.nan, "n/a")],
)
def test_points(value, shown):
    assert points(value) == shown


def test_points_with_a_sign():
    assert [points(x, sign=True) for x in (0.5, -0.5, 0.0)] == ["+0.50", "-0.50", "0.00"]


def test_interval():
    assert interval_text(Interval(0.4, 0.18, 0.65)) == "[0.18, 0.65]"
    assert interval_text(Interval(0.4, None, None)) == "[n/a]"


def test_an_end_at_zero_is_open_where_zero_is_rejected():
    assert interval_text(Interval(0.4, 0.0, 0.65), 0.03) == "(0.00, 0.65]"
    assert interval_text(Interval(0.4, 0.0, 0.65), 0.06) == "[0.00, 0.65]"
    assert interval_text(Interval(-0.4, -0.65, 0.0), 0.03) == "[-0.65, 0.00)"


def test_counts_and_durations():
    assert [count_text(n) for n in (9, 950, 77_850, 999_900, 12_345_678, 3_857_973_248)] == [
        "9", "950", "77.8 k", "1.00 M", "12.3 M", "3.86 G",
    ]  # fmt: skip
    assert [seconds_text(s) for s in (0.44, 12.34, 59.96, 245, 7380, math.nan)] == [
        "0.4 s", "12.3 s", "1 min 00 s", "4 min 05 s", "2 h 03 min", "n/a",
    ]  # fmt: skip
