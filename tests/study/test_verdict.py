import pytest

from senet.study.statistics.paired import compare_with_baseline
from senet.study.statistics.verdict import outcome, verdict, verdicts
from senet.study.summary import Comparison, Interval

SE = "SE(reduction=4)"


def comparison(mean, low, high, p, pairs=8, spread=None):
    return Comparison(Interval(mean, low, high), p, pairs, spread)


@pytest.mark.parametrize(
    ("found", "sentence", "numbers"),
    [
        (
            comparison(0.42, 0.18, 0.65, 0.03125),
            f"{SE} is better than none.",
            "+0.42 points [0.18, 0.65], p=0.031, over 8 paired seeds.",
        ),
        (
            comparison(-0.42, -0.65, 0.0, 0.03125),
            f"{SE} is worse than none.",
            "-0.42 points [-0.65, 0.00), p=0.031, over 8 paired seeds.",
        ),
        (
            comparison(0.3, None, None, 2 / 2**16, 16),
            f"{SE} is better than none.",
            "+0.30 points [n/a], p<0.001, over 16 paired seeds.",
        ),
        (
            comparison(0.1, -0.2, 0.4, 0.42),
            f"No difference between {SE} and none is shown by 8 paired seeds.",
            "+0.10 points [-0.20, 0.40], p=0.42.",
        ),
        (
            comparison(0.1, 0.0, 0.2, 0.125, pairs=4),
            f"4 seeds cannot decide whether {SE} differs from none.",
            "+0.10 points [0.00, 0.20], p=0.125. The smallest p in reach is 0.125; 6 seeds are the least that can "
            "decide.",
        ),
        (
            comparison(0.1, None, None, None, pairs=1),
            f"There are too few runs to compare {SE} with none.",
            "They share 1 finished seed.",
        ),
        (
            comparison(float("nan"), None, None, None, pairs=0),
            f"There are too few runs to compare {SE} with none.",
            "They share 0 finished seeds.",
        ),
    ],
)
def test_a_comparison_is_a_sentence_and_then_its_numbers(found, sentence, numbers):
    said = verdict(SE, "none", found)
    assert (said.sentence, said.numbers) == (sentence, numbers)
    assert str(said) == f"{sentence} {numbers}"


@pytest.mark.parametrize(
    ("found", "variants", "numbers"),
    [
        (
            comparison(0.5, -0.2, 1.2, 0.2, 6, 0.5),
            1,
            " With 6 seeds and this spread, a true difference of 0.90 points would be seen 4 times in 5; one of 0.50 "
            "would take 11 seeds.",
        ),
        (
            comparison(-0.5, -1.2, 0.2, 0.2, 6, 0.5),
            3,
            " With 6 seeds and this spread, a true difference of 1.25 points would be seen 4 times in 5; one of 0.50 "
            "would take 14 seeds.",
        ),
        (
            comparison(0.01, -1, 1, 0.9, 8, 1.0),
            1,
            " With 8 seeds and this spread, a true difference of 1.20 points would be seen 4 times in 5; one of 0.01 "
            "would take more than 1000 seeds.",
        ),
        (
            comparison(0.0, -1, 1, 1.0, 8, 1.0),
            1,
            " With 8 seeds and this spread, a true difference of 1.20 points would be seen 4 times in 5.",
        ),
        (
            comparison(0.3, 0, 1, 0.125, 4, 0.5),
            1,
            " 6 seeds are the least that can decide. With 6 seeds and this spread, a true difference of 0.90 points "
            "would be seen 4 times in 5; one of 0.30 would take 24 seeds.",
        ),
        # This n would do for such a difference.
        (comparison(0.9, 0, 2, 0.06, 6, 0.4), 1, " of 0.72 points would be seen 4 times in 5."),
    ],
)
def test_where_nothing_is_shown_the_numbers_say_what_could_have_been(found, variants, numbers):
    assert verdict(SE, "none", found, variants=variants).numbers.endswith(numbers)


def test_a_difference_that_is_shown_needs_no_more_seeds():
    said = verdict(SE, "none", comparison(0.42, 0.18, 0.65, 0.03125, 8, 0.3))
    assert said.numbers.endswith("p=0.031, over 8 paired seeds.")


def test_p_is_called_corrected_from_two_comparisons_on():
    differences = {SE: dict(enumerate(range(1, 9))), "CBAM()": dict(enumerate([1, -1] * 4))}
    better, undecided = verdicts("none", compare_with_baseline(differences))
    assert "p=0.016 after correction, over" in better.numbers
    assert undecided.sentence == "No difference between CBAM() and none is shown by 8 paired seeds."
    assert "p=0.0078, over" in verdicts("none", compare_with_baseline({SE: differences[SE]}))[0].numbers


def test_outcomes():
    cases = [(0.4, 0.01, 8), (-0.4, 0.01, 8), (0.4, 0.2, 8), (0.4, 0.2, 5), (0.4, None, 1)]
    assert [outcome(comparison(mean, None, None, p, n)) for mean, p, n in cases] == [
        "better", "worse", "no difference shown", "cannot decide", "not enough runs",
    ]  # fmt: skip
