import base64
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import ENVIRONMENT, SETTINGS, VARIANTS, make_summary

from browser import Page, browse, drawn, needs_chromium
from senet.page.figure import COLOURS
from senet.page.head import Verdict
from senet.page.page import read_resource
from senet.study.report import page as report

HOSTILE = (
    "none",
    "<script>alert(1)</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "--><!--<svg onload=alert(1)>",
    '=HYPERLINK("http://example.invalid")',
    "%s %n {{ 7*7 }} ${7*7}",
    "'\" onmouseover=alert(1) \u2028&amp;",
    "\x1b[31m\u202eevil\x00",
)
FIGURES = {
    *("paired-differences", "learning-curves", "learning-curve-1", "learning-curve-2", "learning-curve-3"),
    *("cost-multiply-adds", "cost-parameters", "cost-latency-ms"),
}


@pytest.fixture(scope="module")
def page():
    return Page(report.render(make_summary()))


@pytest.fixture(scope="module")
def hostile_page():
    return Page(report.render(make_summary(HOSTILE)))


def test_the_policy_allows_our_script_and_nothing_else(page):
    rules = dict(rule.strip().split(" ", 1) for rule in page.policy().split(";"))
    runnable = [body for attrs, body in page.scripts if "type" not in attrs]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" for body in runnable}
    assert len(runnable) == 1
    assert set(rules["script-src"].split()) == hashes
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert "unsafe-eval" not in page.policy()


def test_the_policy_stands_before_all_that_it_governs(page):
    tags = [tag for tag, _ in page.elements]
    place = next(i for i, (_, attrs) in enumerate(page.elements) if "http-equiv" in attrs)
    assert place < min(tags.index("script"), tags.index("style"))


@pytest.mark.parametrize("kind", ["page", "hostile_page"])
def test_nothing_is_loaded_and_nothing_listens(kind, request):
    for tag, attrs in request.getfixturevalue(kind).elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form", "img"}
        assert not attrs.keys() & {"src", "srcset", "action"}
        assert attrs.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    assert "url(" not in read_resource("page.css")
    assert "@import" not in read_resource("page.css")


def test_row_87_hostile_names_are_text_only(page, hostile_page):
    text = "".join(hostile_page.text)
    for name in HOSTILE[:-2]:
        assert name in text
    assert "\\x1b[31m\\u202eevil\\x00" in text
    assert not re.search("[\x00\x1b\u202e\u2028]", text)
    assert {tag for tag, _ in hostile_page.elements} == {tag for tag, _ in page.elements}
    more_curves = len(HOSTILE) - len(VARIANTS)
    assert len(hostile_page.scripts) == len(page.scripts) + more_curves


def test_hostile_names_reach_the_figures_as_values(hostile_page):
    for attrs, body in hostile_page.scripts:
        if attrs.get("type") == "application/json":
            assert not re.search("[<>&\u2028\u2029]", body)
    rows = next(iter(hostile_page.data()["learning-curves"]["datasets"].values()))
    assert {row["variant"] for row in rows} >= set(HOSTILE[:-2])


def test_each_figure_has_its_place_and_data(page):
    places = {attrs["id"] for tag, attrs in page.elements if attrs.get("class") == "chart"}
    assert page.data().keys() == places == FIGURES


def test_the_paired_differences_are_those_of_the_table(page):
    summary, values = make_summary(), page.data()["paired-differences"]["datasets"].values()
    means = next(rows for rows in values if "p" in rows[0])
    seeds = next(rows for rows in values if "seed" in rows[0])
    for row, mean in zip(summary.rows[1:], means, strict=True):
        assert (mean["low"], mean["high"]) == (row.comparison.difference.low, row.comparison.difference.high)
        own = [pair["difference"] for pair in seeds if pair["variant"] == row.variant]
        assert sum(own) / len(own) == pytest.approx(row.comparison.difference.mean)


def test_verdict_first_then_table_figures_trials_and_at_the_end_settings_and_environment(page):
    text = "".join(page.text)
    text = text[text.index(make_summary().verdicts[0].sentence) :]
    sentences = [said.sentence for said in make_summary().verdicts]
    order = [*sentences, "Accuracy and cost", "Differences, seed by seed", "Learning curves", "Trials", "Environment"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert all(str(value) in text for value in ENVIRONMENT.values())
    assert all(
        key in text
        for key in ("learning rate", "train fraction", "Recipe", *SETTINGS.keys() - {"data", "images", "recipe"})
    )
    assert all(trial.key in text for trial in make_summary().trials)


@pytest.mark.parametrize(
    "summary",
    [
        make_summary(seeds=1, latency=False),
        make_summary(("none",), seeds=2),
        replace(make_summary(), rows=(), trials=(), verdicts=()),
        replace(
            make_summary(),
            verdicts=(Verdict("A sentence of another kind."),),
            settings={"a": {}, "b": [], "c": float("nan")},
        ),
    ],
    ids=["one seed", "baseline only", "empty", "odd settings"],
)
def test_studies_of_little_content(summary):
    data = Page(report.render(summary)).data()
    assert bool(data) == bool(summary.rows)
    for spec in data.values():
        assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")


def test_the_page_is_the_same_each_time():
    page = report.render(make_summary(seeds=2))
    assert report.render(make_summary(seeds=2)) == page
    said = "render(synthetic.make_summary(seeds=2))"
    code = f"import synthetic; from senet.study.report.page import render; print({said}, end='')"
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    changes = {"PYTHONPATH": path, "PYTHONHASHSEED": "1", "PYTHONUTF8": "1"}  # sets in an order of their own
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env={**os.environ, **changes}, check=True
    )
    assert done.stdout == page


def test_the_stylesheet_and_the_figures_agree_on_the_light_colours():
    light = read_resource("page.css").split("@media")[0]
    assert re.findall(r"--variant-\d: (#\w+);", light) == list(COLOURS)


@needs_chromium
def test_report_opens_in_chromium_without_console_error(tmp_path):
    console, dom = browse(report.render(make_summary()), tmp_path)
    assert console == []
    marks = drawn(dom)
    assert marks.keys() == FIGURES
    assert marks["learning-curves"] == 4
    assert marks["paired-differences"] >= 3 * 8
    assert min(marks.values()) >= 4


@needs_chromium
def test_row_87_hostile_report_opens_in_chromium_without_console_error(tmp_path):
    console, dom = browse(report.render(make_summary(HOSTILE, seeds=2, latency=False)), tmp_path)
    assert console == []
    assert "<title>resnet8 on digits" in dom
    assert min(drawn(dom).values()) >= 4


@needs_chromium
def test_chromium_reports_a_script_that_the_policy_does_not_name(tmp_path):
    html = re.sub("sha256-.", "sha256-0", report.render(make_summary(seeds=2)))
    console, dom = browse(html, tmp_path)
    assert any("Content Security Policy" in line for line in console)
    assert set(drawn(dom).values()) == {0}
