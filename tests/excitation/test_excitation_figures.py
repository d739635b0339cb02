from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

import made
from senet.excitation.page.figures import figures
from senet.excitation.page.figures_profiles import sampled_channels
from senet.page.figure_files import write_figures


def keys(found):
    return [figure.key for figure in figures(found)]


def values(figure):
    return [row for rows in figure.spec["datasets"].values() for row in rows]


def test_each_kind_of_gate_has_the_figures_of_its_kind():
    assert keys(made.se((4, 4))) == ["strip", "classes-01", "within-01", "classes-02", "within-02"]
    assert keys(made.cbam())[1:4] == ["classes-01", "within-01", "positions-02"]
    assert keys(made.sk(2)) == ["strip", "preferences", "classes-01", "classes-02"]
    assert keys(made.single()) == ["strip", "classes-01", "classes-02"]


@pytest.mark.parametrize("width", [1, 49, 50, 51, 512])
def test_fifty_channels_at_the_most_are_sampled_uniformly(width):
    places = sampled_channels(width)
    assert len(places) == min(width, 50)
    assert places == sorted(set(places))
    assert {b - a for a, b in pairwise(places)} <= {width // 50 or 1, width // 50 + 1}


def test_figure_6_has_the_means_of_every_class_and_of_all():
    found = made.se((64, 64))
    figure = next(figure for figure in figures(found) if figure.key == "classes-02")
    drawn = {(row["variant"], row["channel"]): row["value"] for row in values(figure)}
    assert {name for name, _ in drawn} == {"all images", "goldfish", "giant panda", "sports car", "n03599486"}
    assert len(drawn) == 5 * 50
    assert drawn["goldfish", 1] == found.gates[1].profiles[1].mean[1]
    assert "50 of 64 channels" in figure.caption


def test_figure_7_has_two_classes_with_their_deviation():
    found = made.se((64, 64))
    figure = next(figure for figure in figures(found) if figure.key == "within-01")
    row = next(row for row in values(figure) if row["variant"] == "giant panda")
    assert {row["variant"] for row in values(figure)} == {"goldfish", "giant panda"}
    assert row["to"] - row["value"] == pytest.approx(found.gates[0].profiles[2].deviation[row["channel"]])


def test_a_choice_between_branches_is_drawn_as_their_difference():
    found = made.sk(2)
    figure = next(figure for figure in figures(found) if figure.key == "classes-01")
    row = next(row for row in values(figure) if row["variant"] == "all images")
    mean = found.gates[0].profiles[0].mean
    assert row["value"] == pytest.approx(mean[96 + row["channel"]] - mean[row["channel"]])


def test_what_is_not_a_number_is_not_drawn():
    gate = made.se((8, 8)).gates[1]
    blank = replace(gate.profiles[1], mean=(made.NAN,) * 8)
    found = replace(made.se((8, 8)), gates=(replace(gate, profiles=(gate.profiles[0], blank, *gate.profiles[2:])),))
    classes = next(figure for figure in figures(found) if figure.key == "classes-01")
    assert "goldfish" not in {row["variant"] for row in values(classes)}


def test_figures_are_written_as_svg_and_pdf(tmp_path):
    hostile = made.sk(1)
    named = replace(hostile.gates[0], name="</text><script>alert(1)</script>")
    chosen = [f for f in figures(replace(hostile, gates=(named,))) if f.key in ("preferences", "classes-01")]
    paths = write_figures(chosen, tmp_path / "made")
    assert [path.name for path in paths] == [f"{figure.key}.{kind}" for figure in chosen for kind in ("svg", "pdf")]
    for svg, pdf in zip(paths[::2], paths[1::2], strict=True):
        tree = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
        assert not any("script" in element.tag for element in tree.iter())
        assert pdf.read_bytes().startswith(b"%PDF-")
