import json
import re
from dataclasses import replace

import pytest
from browser import Page, browse, driven, needs_chromium
from synthetic import VARIANTS, make_summary

from senet.study import report
from senet.study.summary import LeftOut, PublishedRow

HOSTILE = ("none", "</pre><img src=x onerror=alert(1)>", "=1+1|$x$\\", "\n</details>")
LEFT_OUT = (
    LeftOut(VARIANTS[1], 6, "failed", "out of memory <b>: 812 MiB were asked for"),
    LeftOut(VARIANTS[1], 7, "missing", "has not run yet"),
    LeftOut(VARIANTS[2], 9, "unlike", "other data"),
)
PAPER = "Squeeze-and-Excitation Networks, Table 10"
PUBLISHED = (
    PublishedRow(VARIANTS[0], "ResNet-50", "top-1 error, %", 23.3, PAPER),
    PublishedRow(VARIANTS[1], "SE-ResNet-50", "top-1 error, %", 22.25, PAPER),
    PublishedRow("SE(reduction=64)", "SE-ResNet-50", "parameters, M", 26.0, PAPER),
)


def partial():
    whole = make_summary()
    gone = {(trial.variant, trial.seed) for trial in LEFT_OUT}
    trials = tuple(trial for trial in whole.trials if (trial.variant, trial.seed) not in gone)
    return replace(whole, trials=trials, left_out=LEFT_OUT)


def text_of(html):
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def section(html, heading):
    return re.search(rf'<section[^>]*aria-labelledby="{heading}".*?</section>', html, re.S)[0]


@pytest.mark.parametrize(
    "summary", [make_summary(), make_summary(HOSTILE), partial()], ids=["usual", "hostile", "left"]
)
def test_every_link_leads_to_a_place_of_the_page(summary):
    page = Page(report.render(summary))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[\w-]+", name) for name in ids)
    links = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    assert links <= {f"#{name}" for name in ids}
    for place in range(len(summary.rows)):
        assert {f"#trials-{place}", f"#variant-{place}"} <= links | {"#variant-0"}


def test_the_numbers_of_a_row_lead_to_its_trials():
    html = report.render(make_summary())
    for place, row in enumerate(make_summary().rows):
        line = re.search(rf'<tr id="variant-{place}">.*?</tr>', html, re.S)[0]
        links = re.findall(r'<a href="(#[\w-]+)"( tabindex="-1")?>([^<]*)</a>', line)
        assert {to for to, _, _ in links} == {f"#trials-{place}"}
        assert f"{row.accuracy.mean:.2f}" in [shown for _, _, shown in links]
        assert [away for _, away, _ in links].count("") == 1  # one stop of the Tab key for each row
        first = re.search(rf'<tr class="of-{place}" id="trials-{place}">.*?</tr>', html, re.S)[0]
        assert next(t.key for t in make_summary().trials if t.variant == row.variant) in first
        assert html.count(f'<tr class="of-{place}"') == row.n


def test_each_table_is_there_as_text_in_three_formats():
    html = report.render(make_summary(HOSTILE))
    page = Page(html)
    texts = {attrs["id"] for tag, attrs in page.elements if tag == "pre"}
    buttons = {attrs["data-copies"] for tag, attrs in page.elements if "data-copies" in attrs}
    assert texts == buttons == {f"{t}-{f}" for t in ("results", "all-trials") for f in ("markdown", "latex", "csv")}
    assert not [attrs for tag, attrs in page.elements if "data-copies" in attrs and "hidden" not in attrs]
    assert "'=1+1|$x$\\" in "".join(page.text)
    assert "\\$x\\$\\textbackslash{}" in "".join(page.text)


def test_a_partial_study_says_so_before_anything_else():
    html = report.render(partial())
    banner = re.search(r'<p class="banner">.*?</p>', html, re.S)[0]
    assert html.index(banner) < html.index("What the evidence supports")
    assert "30 of 32 trials have finished; what follows is of those. 1 more ran and gave no score." in banner


def test_row_78_trials_left_out_are_listed_with_their_reason():
    listed = text_of(section(report.render(partial()), "left-out"))
    for trial in LEFT_OUT:
        assert f"{trial.variant} {trial.seed} {trial.kind} " in listed
    assert "out of memory &lt;b&gt;: 812 MiB were asked for" in listed


def test_a_whole_study_has_neither_banner_nor_list_nor_paper():
    html = report.render(make_summary())
    for absent in ("This study is not finished", "Trials left out", "What the paper printed", "left out"):
        assert absent not in text_of(html)
    failed = report.render(replace(make_summary(), left_out=LEFT_OUT[:1]))
    assert "This study is not finished" not in text_of(failed)
    assert "1 left out" in text_of(failed)


def test_a_study_without_a_finished_trial_gives_a_page():
    whole = make_summary()
    rows = tuple(replace(row, n=0, accuracy=replace(row.accuracy, mean=float("nan"))) for row in whole.rows)
    left_out = tuple(LeftOut(t.variant, t.seed, "missing", "has not run yet") for t in whole.trials)
    html = report.render(replace(whole, rows=rows, trials=(), left_out=left_out, verdicts=()))
    assert "0 of 32 trials have finished" in text_of(html)


def test_the_papers_numbers_stand_apart_and_beside_ours():
    summary = make_summary()
    html = report.render(replace(summary, published=PUBLISHED))
    shown = text_of(section(html, "published"))
    assert "What the paper printed, on ImageNet" in shown
    assert "They enter no mean, interval, p, verdict or figure of this page" in shown
    ours = f"{summary.rows[1].accuracy.mean:.2f}"
    assert f"{VARIANTS[1]} SE-ResNet-50 22.25 {ours}" in shown
    assert f"{VARIANTS[0]} ResNet-50 23.30" in shown
    assert "SE(reduction=64) SE-ResNet-50 26 Squeeze" in shown, "parameters are beside no accuracy of ours"
    assert PAPER in shown


def test_the_papers_numbers_change_nothing_else_of_the_page():
    with_paper = report.render(replace(make_summary(), published=PUBLISHED))
    without = report.render(make_summary())
    assert Page(with_paper).data() == Page(without).data()
    assert with_paper.replace(section(with_paper, "published"), "").split() == without.split()


CLICKS = """
const table = document.querySelector("table.results");
const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent.trim());
const button = table.tHead.querySelectorAll("button")[COLUMN];
button.focus();
const found = {reached: document.activeElement === button, orders: [], said: []};
for (let i = 0; i < 3; i++) {
  button.click();
  found.orders.push(names());
  found.said.push(button.parentElement.getAttribute("aria-sort"));
}
found.copy = [...document.querySelectorAll("button[data-copies]")].map(each => each.hidden);
const place = document.createElement("p");
place.id = "found";
place.textContent = JSON.stringify(found);
document.body.append(place);
"""
COLUMNS = {1: lambda row: row.n, 2: lambda row: row.accuracy.mean, 5: lambda row: row.parameters}


def found(dom):
    return json.loads(re.search(r'<p id="found">(.*?)</p>', dom, re.S)[1].replace("&amp;", "&").replace("&gt;", ">"))


@needs_chromium
@pytest.mark.parametrize("column", COLUMNS)
def test_the_table_sorts_up_down_and_back(column, tmp_path):
    summary = make_summary(seeds=3)
    console, dom = browse(driven(report.render(summary), CLICKS.replace("COLUMN", str(column))), tmp_path)
    seen = found(dom)
    up = [row.variant for row in sorted(summary.rows, key=COLUMNS[column])]
    down = [row.variant for row in sorted(summary.rows, key=COLUMNS[column], reverse=True)]
    assert console == []
    assert seen["orders"] == [up, down, list(VARIANTS)]
    assert seen["said"] == ["ascending", "descending", "none"]
    assert seen["reached"]
    assert not any(seen["copy"])


@needs_chromium
def test_what_was_not_tested_sorts_last_in_either_direction(tmp_path):
    summary = make_summary()
    _, dom = browse(driven(report.render(summary), CLICKS.replace("COLUMN", "4")), tmp_path)
    assert [order[-1] for order in found(dom)["orders"][:2]] == ["none", "none"]


SIZES = """
setTimeout(() => {
  const boxes = [...document.querySelectorAll(".chart svg.marks")].map(svg => svg.getBoundingClientRect());
  const page = [document.documentElement.scrollWidth, innerWidth];
  parent.postMessage({page, boxes: boxes.map(box => [box.left, box.right, box.width, box.height])}, "*");
}, 5000);
"""
# A browser's window may not be as narrow as a phone; a frame may.
FRAME = """<!doctype html>
<iframe src="framed.html" width="{width}" height="900" style="border: 0"></iframe><p id="found">
<script>onmessage = event => {{ document.getElementById("found").textContent = JSON.stringify(event.data); }};</script>
"""


@needs_chromium
@pytest.mark.parametrize("width", [400, 1600])
def test_figures_are_seen_whole_at_any_width(width, tmp_path):
    names = ("none", *(f"SE(reduction={r})" for r in (2, 4, 8, 16, 32)), "CBAM(reduction=4)")
    summary = replace(make_summary(names, seeds=3), order=names[1:6], left_out=LEFT_OUT, published=PUBLISHED)
    html = report.render(summary)
    (tmp_path / "framed.html").write_text(driven(html, SIZES), encoding="utf-8")
    console, dom = browse(FRAME.format(width=width), tmp_path, 2000)
    seen = found(dom)
    assert console == []
    assert seen["page"][0] <= seen["page"][1] == width
    assert len(seen["boxes"]) == len(Page(html).data()) == 12
    for left, right, wide, high in seen["boxes"]:
        assert left >= 0
        assert right <= width
        assert min(wide, high) > 150
