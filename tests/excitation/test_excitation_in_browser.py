# The page as Chromium shows it: gates and channels that are chosen by pointer and keys, without a word on the console.
import json
import re
from html import unescape

import pytest

import made
from browser import browse, driven, judged, needs_axe, needs_chromium
from senet.excitation.page.report import render

DRIVE = """
const press = (element, key) => element.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const text = id => document.getElementById(id).textContent;
const chosen = () => document.querySelector("[role=tab][aria-selected=true]").id;
const check = word => [...document.querySelectorAll("#controls label")].find(l => l.textContent.startsWith(word))
  .querySelector("input").click();
const found = {begins: chosen(), tabs: document.querySelectorAll("[role=tab]").length};
press(document.getElementById("strip"), "Home");
found.home = [chosen(), document.activeElement.id, text("facts")];
press(document.getElementById("strip"), "ArrowRight");
found.right = chosen();
document.querySelectorAll("[role=tab]")[8].click();
found.clicked = chosen();
const before = text("reading");
press(document.querySelector("[role=slider]"), "Home");
press(document.querySelector("[role=slider]"), "ArrowRight");
found.reading = [before, text("reading"), document.querySelector("[role=slider]").getAttribute("aria-valuenow")];
found.curves = document.querySelectorAll("#drawing .curve").length;
check("goldfish");
found.fewer = document.querySelectorAll("#drawing .curve").length;
check("Quantiles");
found.heads = [...document.querySelectorAll("#drawing .head")].map(head => head.textContent);
check("All 512");
found.max = document.querySelector("[role=slider]").getAttribute("aria-valuemax");
found.images = document.querySelectorAll("#drivers li").length;
document.querySelector("a[data-gate='4']").click();
found.linked = chosen();
const place = document.createElement("p");
place.id = "found";
place.textContent = JSON.stringify(found);
document.body.append(place);
"""
MAPS = """
const heats = () => document.querySelectorAll("#drawing canvas").length;
document.querySelectorAll("[role=tab]")[1].click();
const box = document.querySelector(".heats");
const at = () => document.getElementById("reading").textContent;
const found = {heats: heats(), before: at()};
box.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
found.after = at();
found.maps = document.querySelectorAll("#maps canvas").length;
document.querySelectorAll("#map-choice button")[3].click();
found.guess = document.getElementById("maps").textContent.includes("guess: sports car");
const place = document.createElement("p");
place.id = "found";
place.textContent = JSON.stringify(found);
document.body.append(place);
"""


def seen(found, script, folder):
    console, dom = browse(driven(render(found), f"{{{script}}}"), folder)
    assert console == []
    return json.loads(unescape(re.search(r'<p id="found">(.*?)</p>', dom, re.S)[1]))


@needs_chromium
def test_gates_and_channels_are_chosen_by_pointer_and_keys(tmp_path):
    found = seen(made.se(), DRIVE, tmp_path)
    assert (found["begins"], found["tabs"]) == ("tab-8", 9)
    assert found["home"][:2] == ["tab-0", "tab-0"]
    assert "stage2.0.attention.gate" in found["home"][2]
    assert (found["right"], found["clicked"], found["linked"]) == ("tab-1", "tab-8", "tab-4")
    assert found["reading"][0] != found["reading"][1] == "Channel 10 of stage4.2.attention.gate"
    assert found["reading"][2] == "1"
    assert (found["curves"], found["fewer"]) == (5, 4)
    assert found["heads"] == ["all images", "giant panda", "sports car", "n03599486"]
    assert (found["max"], found["images"]) == ("511", 12)


@needs_chromium
def test_maps_of_positions_are_drawn_and_read(tmp_path):
    found = seen(made.cbam(), MAPS, tmp_path)
    row, column = map(int, re.findall(r"\d+", found["before"])[:2])
    assert (found["heats"], found["maps"]) == (5, 4)
    assert found["after"].startswith(f"Row {row + 1}, column {column} ")
    assert found["guess"]


@needs_axe
@pytest.mark.parametrize("dark", [pytest.param(False, marks=pytest.mark.slow), True])
def test_nothing_keeps_a_reader_of_weak_sight_or_a_screen_reader_out(dark, tmp_path):
    assert judged(render(made.se()), tmp_path, dark=dark) == []
