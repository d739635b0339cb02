from dataclasses import replace

import pytest
import torch

from senet.accounting import cost
from senet.networks import NETWORKS
from senet.networks.published.figures import FIGURES, parse_figure

pytestmark = pytest.mark.xdist_group("figures")  # counted once
ROWS = [(name, figure) for name, figures in FIGURES.items() for figure in figures]


def rounded_as(printed: str, count: int) -> str:
    """The count in the digits of the print."""
    digits, _, unit = printed.partition(" ")
    if not unit:
        return f"{count:,}"
    return f"{count / {'M': 1e6, 'G': 1e9}[unit]:.{len(digits.partition('.')[2])}f} {unit}"


def last_digit(printed: str) -> float:
    """The unit of the last digit of the print."""
    digits, _, unit = printed.partition(" ")
    return {"": 1, "M": 1e6, "G": 1e9}[unit] / 10 ** len(digits.partition(".")[2])


@pytest.fixture(scope="module")
def counts():
    with torch.device("meta"):
        return {name: cost(NETWORKS[name].build(1000, 3)) for name in FIGURES}


def test_numbers():
    assert [parse_figure(text) for text in ("28,088,024", "28.1 M", "3.87 G")] == [
        28_088_024,
        28_100_000,
        3_870_000_000,
    ]


@pytest.mark.slow  # every network is counted; test_accounting.py and test_counts.py count one of each kind
def test_counted_files_are_equal(counts):
    rows = [(name, f) for name, f in ROWS if f.source.startswith("counted") and not f.note]
    assert len(rows) == 15
    for name, figure in rows:
        assert (parse_figure(figure.parameters), parse_figure(figure.multiply_adds)) == (
            counts[name].parameters,
            counts[name].multiply_adds,
        )


@pytest.mark.slow
def test_prints_of_our_networks_are_near(counts):
    """SENet's and SKNet's prints round and include pooling and scale."""
    for name, figure in ROWS:
        if figure.multiply_adds and not figure.note.startswith("multiply-adds"):
            assert abs(parse_figure(figure.multiply_adds) - counts[name].multiply_adds) < 55e6, (name, figure)
        if figure.parameters:
            near = pytest.approx(counts[name].parameters, rel=6e-3, abs=last_digit(figure.parameters))
            assert parse_figure(figure.parameters) == near, (
                name,
                figure,
            )


@pytest.mark.slow
def test_cbams_prints_with_the_stride_in_the_first_1x1_to_the_last_digit():
    rows = [(name, figure) for name, figure in ROWS if figure.source.startswith("Woo") and "table 4" in figure.source]
    assert len(rows) == 9
    for name, figure in rows:
        with torch.device("meta"):
            found = cost(replace(NETWORKS[name], geometry="caffe", early_stride=True).build(1000, 3))
        assert rounded_as(figure.multiply_adds, found.multiply_adds) == figure.multiply_adds
        assert rounded_as(figure.parameters, found.parameters) == figure.parameters


def test_every_figure_names_its_source():
    assert FIGURES.keys() <= NETWORKS.keys()
    assert all(figure.source and (figure.parameters or figure.multiply_adds) for _, figure in ROWS)
