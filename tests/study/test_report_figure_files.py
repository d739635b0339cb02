import re
from dataclasses import replace
from html import escape
from xml.etree import ElementTree

import pytest
from synthetic import make_summary

from senet.errors import UsageError
from senet.page.figure_files import write_figures
from senet.study.report.figures import figures

HOSTILE = ("none", '</text><script>alert(1)</script>&"', "var(--ink, #ffffff) \x1b[31m")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures") / "made"
    summary = replace(make_summary(HOSTILE, seeds=3), order=HOSTILE[1:])
    return summary, write_figures(figures(summary), folder)


def test_each_figure_is_there_as_svg_and_pdf(written):
    summary, paths = written
    assert [path.name for path in paths] == [f"{f.key}.{kind}" for f in figures(summary) for kind in ("svg", "pdf")]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)


def test_an_svg_needs_no_page_and_runs_no_name(written):
    for path in written[1][::2]:
        text = path.read_text(encoding="utf-8")
        tree = ElementTree.fromstring(text)
        assert tree.tag == "{http://www.w3.org/2000/svg}svg"
        assert not any("script" in element.tag for element in tree.iter())
        assert not re.search(r'="var\(|url\(|\x1b', text)
        assert float(tree.get("width")) > 500


def test_a_figure_whose_colours_name_variants_has_a_legend(written):
    for figure, path in zip(figures(written[0]), written[1][::2], strict=True):
        assert ("role-legend" in path.read_text(encoding="utf-8")) == figure.legend
        assert escape(figure.title.split(" ")[0], quote=False) in path.read_text(encoding="utf-8")


def test_a_pdf_is_one(written):
    for path in written[1][1::2]:
        assert path.read_bytes().startswith(b"%PDF-")
        assert path.read_bytes().rstrip().endswith(b"%%EOF")


def test_a_folder_in_a_files_place_is_refused(tmp_path):
    (tmp_path / "paired-differences.svg").mkdir()
    with pytest.raises(UsageError, match="a folder, not a file"):
        write_figures(figures(make_summary(seeds=2)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["paired-differences.svg"]


def test_a_study_without_a_trial_has_no_figures(tmp_path):
    assert write_figures(figures(replace(make_summary(), rows=(), trials=())), tmp_path / "none") == []
