import pytest

from senet.study.statistics import compare
from senet.study.summary import Comparison, Interval
from senet.study.verdict import outcome, verdict, verdicts

SE = "SE(reduction=4)"


def comparison(mean, low, high, p, pairs=8, spread=None):
    return Comparison(Interval(mean, low, high), p, pairs, spread)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (comparison(0.42, 0.18, 0.65, 0.03125), f"{SE} better than none by 0.42 points [0.18, 0.65], p=0.031"),
        (comparison(-0.42, -0.65, -0.18, 0.03125), f"{SE} worse than none by 0.42 points [0.18, 0.65], p=0.031"),
        (comparison(-0.42, -0.65, 0.0, 0.03125), f"{SE} worse than none by 0.42 points (0.00, 0.65], p=0.031"),
        (comparison(0.3, None, None, 2 / 2**16, 16), f"{SE} better than none by 0.30 points [n/a], p<0.001"),
        (
            comparison(0.1, -0.2, 0.4, 0.42),
            f"no difference shown at n=8: {SE} minus none is 0.10 points [-0.20, 0.40], p=0.42",
        ),
        (
            comparison(0.1, 0.0, 0.2, 0.125, pairs=4),
            f"n=4 seeds cannot decide: the smallest possible p is 0.125 ({SE} minus none is 0.10 points [0.00, 0.20]); "
            "6 seeds are the least that can",
        ),
        (comparison(0.1, None, None, None, pairs=1), f"not enough runs: {SE} and none share 1 finished seed"),
        (
            comparison(float("nan"), None, None, None, pairs=0),
            f"not enough runs: {SE} and none share 0 finished seeds",
        ),
    ],
)
def test_the_sentence_of_one_comparison(found, sentence):
    assert verdict(SE, "none", found) == sentence


@pytest.mark.parametrize(
    ("found", "variants", "clauses"),
    [
        (
            comparison(0.5, -0.2, 1.2, 0.2, 6, 0.5),
            1,
            "; with n=6 and this spread, the smallest difference that would be seen 4 times in 5 is 0.90 points; "
            "a true difference of 0.50 would take n=11",
        ),
        (
            comparison(-0.5, -1.2, 0.2, 0.2, 6, 0.5),
            3,
            "; with n=6 and this spread, the smallest difference that would be seen 4 times in 5 is 1.25 points; "
            "a true difference of 0.50 would take n=14",
        ),
        (
            comparison(0.01, -1, 1, 0.9, 8, 1.0),
            1,
            "; with n=8 and this spread, the smallest difference that would be seen 4 times in 5 is 1.20 points; "
            "a true difference of 0.01 would take more than 1000 seeds",
        ),
        (
            comparison(0.0, -1, 1, 1.0, 8, 1.0),
            1,
            "; with n=8 and this spread, the smallest difference that would be seen 4 times in 5 is 1.20 points",
        ),
        (
            comparison(0.3, 0, 1, 0.125, 4, 0.5),
            1,
            "; 6 seeds are the least that can; with n=6 and this spread, the smallest difference that would be seen "
            "4 times in 5 is 0.90 points; a true difference of 0.30 would take n=24",
        ),
        (comparison(0.9, 0, 2, 0.06, 6, 0.4), 1, " is 0.72 points"),  # this n would do for such a difference
    ],
)
def test_where_nothing_is_shown_the_sentence_says_what_could_have_been(found, variants, clauses):
    assert verdict(SE, "none", found, variants=variants).endswith(clauses)


def test_a_difference_that_is_shown_needs_no_more_seeds():
    assert verdict(SE, "none", comparison(0.42, 0.18, 0.65, 0.03125, 8, 0.3)).endswith("p=0.031")


def test_p_is_called_corrected_from_two_comparisons_on():
    differences = {SE: dict(enumerate(range(1, 9))), "CBAM()": dict(enumerate([1, -1] * 4))}
    better, undecided = verdicts("none", compare(differences))
    assert better.endswith("p=0.016 after correction")
    assert undecided.startswith("no difference shown at n=8: CBAM() minus none is 0.00 points")
    assert verdicts("none", compare({SE: differences[SE]}))[0].endswith("p=0.0078")


def test_outcomes():
    cases = [(0.4, 0.01, 8), (-0.4, 0.01, 8), (0.4, 0.2, 8), (0.4, 0.2, 5), (0.4, None, 1)]
    assert [outcome(comparison(mean, None, None, p, n)) for mean, p, n in cases] == [
        "better", "worse", "no difference shown", "cannot decide", "not enough runs",
    ]  # fmt: skip
