"""Sentences about a classifier, as a person would say them, and the numbers that they stand on."""

from senet.inference.classified import Rates
from senet.inference.score import Score
from senet.page.verdict import Verdict
from senet.scores.shown import Shown
from senet.text import counted


def reached(score: Score, outputs: int, noun: str, more: str) -> Verdict:
    """Say how many images are recognised.

    Args:
        score: Of them.
        outputs: Of the network; among five or fewer, top-5 says nothing.
        noun: What an image is called.
        more: What else is to be known of the number, a sentence; empty if nothing.
    """
    five = f"Top-5 {score.top5:.2f}%. " if outputs > 5 else ""
    sentence = f"The network classifies {score.top1:.2f}% of {counted(score.images, noun)} rightly."
    return Verdict(sentence, f"{five}Loss {score.loss:.4f}. {more}".rstrip())


def weakest(shown: Shown) -> Verdict:
    """Say which two classes are confused most, and what the rates are on average; there is an error."""
    pair = shown.pairs[0]
    sentence = f"Most often it takes {pair.true} for {pair.guess}: {counted(pair.images, 'image')}."
    said = "; ".join(f"{name} average: {_rates(rates)}" for name, rates in shown.averages)
    return Verdict(sentence, f"{said[:1].upper()}{said[1:]}.")


def _rates(rates: Rates) -> str:
    shown = {"precision": rates.precision, "recall": rates.recall, "F1": rates.f1}
    return ", ".join(f"{name} {value:.2f}%" for name, value in shown.items() if value is not None)
