# The report as Chromium shows it: tables that sort, figures that are seen.
import json
import re
from dataclasses import replace

import pytest
from synthetic import LEFT_OUT, PUBLISHED, VARIANTS, make_summary

from browser import Page, browse, driven, judged, needs_axe, needs_chromium
from senet.study.report import page

# Two of the page's own scripts at work, in one visit: a browser takes a second to start.
VISIT = """
const table = document.querySelector("table.results");
const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent.trim());
const clicked = column => {
  const button = table.tHead.querySelectorAll("button")[column];
  button.focus();
  const found = {reached: document.activeElement === button, orders: [], said: []};
  for (let i = 0; i < 3; i++) {
    button.click();
    found.orders.push(names());
    found.said.push(button.parentElement.getAttribute("aria-sort"));
  }
  return found;
};
const buttons = [...document.querySelectorAll("button[data-copies]")];
const copying = async refused => {
  const copied = [], said = [], selected = [];
  const writeText = async text => { if (refused) throw new Error("not allowed"); copied.push(text); };
  Object.defineProperty(navigator, "clipboard", {value: {writeText}, configurable: true});
  getSelection().removeAllRanges();
  for (const button of buttons) {
    button.click();
    await new Promise(resolve => setTimeout(resolve, 10));
    said.push(button.parentElement.querySelector("[role=status]").textContent);
    selected.push(getSelection().toString() !== "");
  }
  const shown = buttons.map(button => document.getElementById(button.dataset.copies).textContent);
  return {same: JSON.stringify(copied) === JSON.stringify(shown), said, selected, formats: shown.length};
};
document.execCommand = () => false;
(async () => {
  const found = {hidden: buttons.map(each => each.hidden)};
  for (const column of [1, 2, 4, 5]) found[column] = clicked(column);
  for (const refused of [false, true]) found[refused] = await copying(refused);
  const place = document.createElement("p");
  place.id = "found";
  place.textContent = JSON.stringify(found);
  document.body.append(place);
})();
"""
COLUMNS = {1: lambda row: row.n, 2: lambda row: row.accuracy.mean, 5: lambda row: row.parameters}


def found(dom):
    return json.loads(re.search(r'<p id="found">(.*?)</p>', dom, re.S)[1].replace("&amp;", "&").replace("&gt;", ">"))


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    summary = make_summary(seeds=3)
    console, dom = browse(driven(page.render(summary), VISIT), tmp_path_factory.mktemp("visit"))
    assert console == []
    return summary, found(dom)


@needs_chromium
@pytest.mark.parametrize("column", COLUMNS)
def test_the_table_sorts_up_down_and_back(column, visited):
    summary, seen = visited
    up = [row.variant for row in sorted(summary.rows, key=COLUMNS[column])]
    down = [row.variant for row in sorted(summary.rows, key=COLUMNS[column], reverse=True)]
    assert seen[str(column)]["orders"] == [up, down, list(VARIANTS)]
    assert seen[str(column)]["said"] == ["ascending", "descending", "none"]
    assert seen[str(column)]["reached"]
    assert not any(seen["hidden"])


@needs_chromium
def test_what_was_not_tested_sorts_last_in_either_direction(visited):
    assert [order[-1] for order in visited[1]["4"]["orders"][:2]] == ["none", "none"]


@needs_chromium
@pytest.mark.parametrize(("refused", "word"), [("false", "Copied."), ("true", "Selected: copy it with your keyboard.")])
def test_a_table_is_copied_as_it_is_shown_or_selected_where_the_browser_refuses(refused, word, visited):
    seen = visited[1][refused]
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
FRAMES = """<!doctype html>
<iframe src="framed.html" width="400" height="900" style="border: 0"></iframe>
<iframe src="framed.html" width="1600" height="900" style="border: 0"></iframe><p id="found">
<script>
const found = {};
onmessage = event => {
  found[event.data.page[1]] = event.data;
  document.getElementById("found").textContent = JSON.stringify(found);
};
</script>
"""


@pytest.fixture(scope="module")
def framed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("framed")
    names = ("none", *(f"SE(reduction={r})" for r in (2, 4, 8, 16, 32)), "CBAM(reduction=4)")
    summary = replace(make_summary(names, seeds=3), order=names[1:6], left_out=LEFT_OUT, published=PUBLISHED)
    html = page.render(summary)
    (folder / "framed.html").write_text(driven(html, SIZES), encoding="utf-8")
    console, dom = browse(FRAMES, folder, 2100)
    assert console == []
    return html, found(dom)


@needs_chromium
@pytest.mark.parametrize("width", [400, 1600])
def test_figures_are_seen_whole_at_any_width(width, framed):
    html, seen = framed[0], framed[1][str(width)]
    assert seen["page"][0] <= seen["page"][1] == width
    assert len(seen["boxes"]) == len(Page(html).data()) == 12
    for left, right, wide, high in seen["boxes"]:
        assert left >= 0
        assert right <= width
        assert min(wide, high) > 150


@needs_axe
@pytest.mark.parametrize(("width", "dark"), [(500, False), pytest.param(1400, True, marks=pytest.mark.slow)])
def test_nothing_keeps_a_reader_of_weak_sight_or_a_screen_reader_out(width, dark, tmp_path):
    summary = replace(make_summary(seeds=3), published=PUBLISHED, left_out=LEFT_OUT)
    assert judged(page.render(summary), tmp_path, width, dark) == []
