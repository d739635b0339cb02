# The part of a page that says where a classifier errs: few classes, very many, hostile names, every width.
import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from browser import Page, browse, drawn, driven, judged, needs_axe, needs_chromium
from senet.data.labels.labels import Labels
from senet.inference.confusion_file import output_labels
from senet.inference.confusion_matrix import ConfusionMatrix, Mistake, from_dict
from senet.inference.confusion_meter import png_data_uri
from senet.page.head import PageHeader
from senet.scores.report import ScorePage as Said
from senet.scores.report import render_score_page
from senet.scores.section import MANY, ROWS, score_section

HOSTILE = ("</script><img src=x onerror=alert(1)>", "\x1b[31mred\u202e", "c" * 300, "=1+1")


def mistake(true=0, predicted=1, name="a/0.png", size=8):
    image = torch.arange(size * size, dtype=torch.uint8).reshape(1, size, size)
    return Mistake(name, true, predicted, 0.9, 0.01, 4.6, png_data_uri(image))


def few(*mistakes):
    pairs = (0, 0, 9), (0, 1, 3), (1, 1, 10), (2, 0, 1), (2, 2, 4), (3, 3, 2)
    return ConfusionMatrix(4, pairs, mistakes or (mistake(),))


def many(classes=1000):
    """50 images a class, a third of them taken for one of the twenty classes around it."""
    draw = np.random.default_rng(0)
    true = np.repeat(np.arange(classes), 50)
    near = np.minimum(true // 20 * 20 + draw.integers(0, 20, len(true)), classes - 1)
    guess = np.where(draw.random(len(true)) < 0.3, near, true)
    pairs, counts = np.unique(np.stack([true, guess], 1), axis=0, return_counts=True)
    mistakes = tuple(
        replace(mistake(), picture=png_data_uri(torch.randint(0, 256, (3, 224, 224), dtype=torch.uint8)))
        for _ in range(24)
    )
    return ConfusionMatrix(classes, tuple((*map(int, p), int(n)) for p, n in zip(pairs, counts, strict=True)), mistakes)


def page(found, labels):
    return render_score_page(Said(PageHeader("a network on data"), (), (), ()), score_section(found, labels))


def titled(classes):
    names = tuple(f"n{i:08}" for i in range(classes))
    return Labels(names, tuple(range(classes)), tuple(f"a kind of animal, number {i}" for i in range(classes)))


def cells_of(found, labels):
    figure = Page(page(found, labels)).data()["confusion"]
    return figure["datasets"][figure["layer"][-1]["data"]["name"]]


def test_the_figure_has_every_count_and_the_share_of_its_row():
    cells = cells_of(few(), output_labels("abcd"))
    found = {(cell["class"], cell["guess"]): (cell["images"], cell["share"], cell["kind"]) for cell in cells}
    assert found["a", "b"] == (3, 0.25, "wrong")
    assert found["a", "a"] == (9, 0.75, "right")
    assert found["c", "a"] == (1, 0.2, "wrong")
    assert len(found) == 6


def test_of_many_classes_those_that_are_confused_are_drawn_and_nothing_is_lost():
    found = many()
    classified = score_section(found, titled(1000))
    assert len(classified.marks) == MANY
    assert {number for true, guess, _ in found.confused[: MANY // 2] for number in (true, guess)} <= {*classified.marks}
    cells = cells_of(found, titled(1000))
    assert sum(cell["images"] for cell in cells) == 50_000
    assert [cell["kind"] for cell in cells if cell["class"] == cell["guess"] == "all others"] == ["either"]
    key = dict(classified.key)
    assert key[classified.marks[min(classified.marks)]] == f"a kind of animal, number {min(classified.marks)}"


def test_of_many_classes_the_table_has_the_worst_and_the_copy_has_all():
    classified = score_section(many(), titled(1000))
    f1 = [row.counts.rates.f1 for row in classified.rows]
    assert len(f1) == ROWS
    assert f1 == sorted(f1)
    assert max(f1) <= sorted(of.rates.f1 for of in many().class_counts())[ROWS]
    assert len(list(csv.DictReader(io.StringIO(classified.csv)))) == 1000
    html = page(many(), titled(1000))
    assert "The 50 classes of the lowest F1, the lowest first, of 1,000" in html
    assert len(html.encode()) < 2e6


def test_what_cannot_be_computed_is_not_available_and_comes_last():
    html = page(ConfusionMatrix(3, ((0, 0, 2), (0, 1, 1)), ()), output_labels("abc"))
    assert html.count('<td data-value="">n/a</td>') == 4  # b has no images; c has none and is never guessed
    assert "The worst errors" not in html


def test_a_perfect_classifier_of_one_class_gives_a_page():
    html = page(ConfusionMatrix(1, ((0, 0, 5),), ()), output_labels("a"))
    assert "No image is misclassified." in html
    assert Page(html).data() == {}


def test_names_stay_text():
    found = few(mistake(name='"><script>alert(1)</script>.png'), mistake(name="\u202egnp.exe"))
    html = page(found, output_labels(HOSTILE))
    assert "<img src=x" not in html
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert r"\x1b[31mred\u202e" in "".join(Page(html).text)
    assert "'=1+1" in "".join(Page(html).text)  # in the copy, which a spreadsheet may get


def test_pixels_of_tiny_images_alone_are_to_be_seen():
    html = page(few(mistake(size=8), mistake(size=64)), output_labels("abcd"))
    images = [attributes for tag, attributes in Page(html).elements if tag == "img"]
    assert [image.get("class") for image in images] == ["tiny", None]
    assert images[0]["alt"] == "An image of a, taken for b"


def test_nothing_of_a_file_that_is_no_picture_gets_into_a_page():
    said = few().to_dict()
    said["mistakes"][0]["picture"] = "https://example.org/pixel.png"
    with pytest.raises(ValueError, match="no picture"):
        from_dict(said)


WIDTHS = """
addEventListener("load", () => setTimeout(() => {
  const over = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, pre, svg, .chart")
    && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className);
  const labels = [...document.querySelectorAll("#confusion .role-axis-label text")]
    .filter(e => e.textContent).map(e => e.getBoundingClientRect());
  const box = document.querySelector("#confusion svg").getBoundingClientRect();
  const cut = labels.filter(l => l.left < box.left - 1 || l.bottom > box.bottom + 1 || l.right > box.right + 1).length;
  const hits = labels.filter((a, i) => labels.some((b, j) => i < j && a.left < b.right - 2 && b.left < a.right - 2
    && a.top < b.bottom - 2 && b.top < a.bottom - 2)).length;
  document.body.dataset.found = JSON.stringify({over, cut, hits, labels: labels.length,
    broken: [...document.images].filter(i => !i.naturalWidth).length});
}, 1500));
"""


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [500, 800, 1400])
@pytest.mark.parametrize("made", ["few", "many", "hostile"])
def test_in_a_browser_nothing_is_cut_collides_or_is_asked_for(made, width, tmp_path):
    found, labels = {
        "few": (few(), output_labels(("airplane", "automobile", "bird", "cat"))),
        "many": (many(), titled(1000)),
        "hostile": (few(mistake(name="x" * 400)), output_labels(HOSTILE)),
    }[made]
    console, dom = browse(driven(page(found, labels), WIDTHS), tmp_path, width)
    assert console == []
    assert drawn(dom)["confusion"] > 0
    (body,) = [attributes for tag, attributes in Page(dom).elements if tag == "body"]
    marks = 2 * (MANY + 1 if made == "many" else 4)
    assert json.loads(body["data-found"]) == {"over": [], "cut": 0, "hits": 0, "labels": marks, "broken": 0}


@needs_axe
@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(500, False), (1400, True)])
def test_nothing_keeps_a_reader_of_weak_sight_or_a_screen_reader_out(width, dark, tmp_path):
    assert judged(page(few(), titled(4)), tmp_path, width, dark) == []
