import pytest

from senet.study.statistics import compare
from senet.study.summary import Comparison, Interval
from senet.study.verdict import outcome, verdict, verdicts

SE = "SE(reduction=4)"


def comparison(mean, low, high, p, pairs=8):
    return Comparison(Interval(mean, low, high), p, pairs)


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
            f"n=4 seeds cannot decide: the smallest possible p is 0.125 ({SE} minus none is 0.10 points [0.00, 0.20])",
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
