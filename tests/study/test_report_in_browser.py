# The report as Chromium shows it: tables that sort, figures that are seen.
import json
import re
from dataclasses import replace

import pytest
from synthetic import LEFT_OUT, PUBLISHED, VARIANTS, make_summary

from browser import Page, browse, driven, judged, needs_axe, needs_chromium
from senet.study.report import page

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
    console, dom = browse(driven(page.render(summary), CLICKS.replace("COLUMN", str(column))), tmp_path)
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
    _, dom = browse(driven(page.render(summary), CLICKS.replace("COLUMN", "4")), tmp_path)
    assert [order[-1] for order in found(dom)["orders"][:2]] == ["none", "none"]


COPIES = """
const copied = [];
const writeText = async text => { if (REFUSED) throw new Error("not allowed"); copied.push(text); };
Object.defineProperty(navigator, "clipboard", {value: {writeText}});
document.execCommand = () => false;
(async () => {
  const said = [], selected = [];
  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.click();
    await new Promise(resolve => setTimeout(resolve, 10));
    said.push(button.parentElement.querySelector("[role=status]").textContent);
    selected.push(getSelection().toString() !== "");
  }
  const shown = [...document.querySelectorAll("button[data-copies]")]
    .map(button => document.getElementById(button.dataset.copies).textContent);
  const place = document.createElement("p");
  place.id = "found";
  place.textContent = JSON.stringify({same: JSON.stringify(copied) === JSON.stringify(shown), said, selected,
    formats: shown.length});
  document.body.append(place);
})();
"""


@needs_chromium
@pytest.mark.parametrize(("refused", "word"), [("false", "Copied."), ("true", "Selected: copy it with your keyboard.")])
def test_a_table_is_copied_as_it_is_shown_or_selected_where_the_browser_refuses(refused, word, tmp_path):
    html = driven(page.render(make_summary(seeds=3)), COPIES.replace("REFUSED", refused))
    console, dom = browse(html, tmp_path)
    seen = found(dom)
    assert console == []
    assert seen["formats"] >= 3
    assert set(seen["said"]) == {word}
    assert seen["same"] is (refused == "false")
    assert refused == "false" or all(seen["selected"])


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
    html = page.render(summary)
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


@needs_axe
@pytest.mark.parametrize(("width", "dark"), [(500, False), (1400, True)])
def test_nothing_keeps_a_reader_of_weak_sight_or_a_screen_reader_out(width, dark, tmp_path):
    summary = replace(make_summary(seeds=3), published=PUBLISHED, left_out=LEFT_OUT)
    assert judged(page.render(summary), tmp_path, width, dark) == []
