import base64
import hashlib
import json
import re
from dataclasses import replace
from math import prod

import pytest

import made
from browser import Page
from senet.excitation.page import report
from senet.excitation.page.findings import findings
from senet.excitation.page.report import render
from senet.excitation.summary import Excitation, ImageGroup

HOSTILE = ("<script>alert(1)</script>", '"; alert(1)//', "</script><img src=x>\u202egnp.exe", "\x1b[31mred")


def text_of(html):
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def data_of(html):
    return json.loads(next(body for attrs, body in Page(html).scripts if attrs.get("id") == "excitation"))


@pytest.fixture(scope="module", params=["se", "cbam", "sk", "single"])
def found(request):
    return getattr(made, request.param)()


@pytest.fixture(scope="module")
def html(found):
    return render(found)


def test_every_gate_and_group_is_in_the_data(found, html):
    data = data_of(html)
    assert [gate["name"] for gate in data["gates"]] == [gate.name for gate in found.gates]
    assert len(data["groups"]) == len(found.groups)
    for shown, gate in zip(data["gates"], found.gates, strict=True):
        assert [len(profile["mean"]) for profile in shown["profiles"]] == [prod(gate.shape)] * len(found.groups)
        assert shown["profiles"][0]["mean"] == pytest.approx(gate.profiles[0].mean, rel=1e-3)
        assert {n for row in shown["most"] for n in row} <= {int(n) for n in data["images"]}


def test_what_is_not_a_number_is_null_or_said(found, html):
    assert not re.search(r"NaN|Infinity", json.dumps(data_of(html)))
    assert not re.search(r"\b(nan|inf)\b", text_of(html))
    if any(gate.specificity.value != gate.specificity.value for gate in found.gates):
        assert '<td data-value="">n/a</td>' in html


def test_both_scripts_are_named_by_their_hash_and_nothing_else_may_run_or_load(html):
    page = Page(html)
    scripts = [body for attrs, body in page.scripts if "type" not in attrs]
    digests = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in scripts]
    assert len(scripts) == 2
    assert page.policy().startswith(
        f"default-src 'none'; script-src 'sha256-{digests[0]}' 'sha256-{digests[1]}'; style-src 'unsafe-inline'; "
        "img-src data:; connect-src 'none'"
    )
    assert not [attrs for tag, attrs in page.elements if tag in ("link", "iframe", "img", "object", "base")]
    assert all(attrs["href"].startswith("#") for tag, attrs in page.elements if tag == "a")


def test_the_pages_script_asks_for_nothing_and_makes_no_markup_of_text(html):
    own = [body for attrs, body in Page(html).scripts if "type" not in attrs][1]
    own = own.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"innerHTML|outerHTML|insertAdj|document\.write|fetch\(|XMLHttp|import\(|eval\(|https?:", own)


def test_every_link_leads_to_a_place_of_the_page(html):
    page = Page(html)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"] for tag, attrs in page.elements if tag == "a"} <= {f"#{name}" for name in ids}


def test_names_stay_text():
    classes = [(name, name) for name in HOSTILE]
    hostile = made.se((8, 8), classes)
    gates = tuple(replace(gate, name=HOSTILE[0]) for gate in hostile.gates)
    html = render(replace(hostile, gates=gates, title=HOSTILE[2], where=HOSTILE[3], notes=HOSTILE, images=HOSTILE * 12))
    page = Page(html)
    assert {tag for tag, _ in page.elements}.isdisjoint({"img", "b1"})
    assert not re.search("<script>alert|</script><img|\x1b|\u202e", html)
    assert [group["title"] for group in data_of(html)["groups"]][1:3] == list(HOSTILE[:2])
    assert "\\u202egnp.exe" in data_of(html)["groups"][3]["title"]


def test_what_was_found_is_said_with_its_number():
    said = " ".join(findings(made.se()))
    assert "stage4.2.attention.gate tells classes apart most: 0.600 [0.570, 0.640]" in said
    assert "stage4.1.attention.gate (1.0% at 0.000, 83.0% at 1.000)" in said
    assert "The same for every image: 100.0% of stage2.1.attention.gate" in said
    assert "2 images in stage3.1.attention.gate" in said
    assert "Did not run, and is not counted: stage5.0.attention.gate" in said
    assert "Read slowly" not in said
    assert "Read slowly" in " ".join(findings(made.cbam()))
    assert "One image is too few" in " ".join(findings(made.single()))


def test_classes_without_images_are_counted():
    html = render(made.se())
    assert "5 classes, 1 of them without images." in text_of(html)
    assert "paddle n03873416 0" in text_of(html)


def test_classes_of_one_title_have_their_names_beside_it():
    data = data_of(render(made.se((4, 4), (("n1", "crane"), ("n2", "crane")))))
    assert [group["title"] for group in data["groups"][:3]] == ["all images", "crane (n1)", "crane (n2)"]


def test_stages_are_what_names_begin_with():
    stages = {gate["stage"] for gate in data_of(render(made.se()))["gates"]}
    assert stages == {"stage2", "stage3", "stage4"}
    assert {gate["stage"] for gate in data_of(render(made.single()))["gates"]} == {""}


def test_a_network_as_wide_as_se_resnet_50_takes_a_few_megabytes():
    found = made.se((256,) * 3 + (512,) * 4 + (1024,) * 6 + (2048,) * 3, pictures=False)
    size = len(render(found)) - len(render(made.se((1, 1), pictures=False)))
    assert size < 6_000_000


def test_quantiles_of_classes_are_left_out_where_the_page_would_be_too_large_and_that_is_said(monkeypatch):
    assert "are left out of this page" not in text_of(render(made.se()))
    monkeypatch.setattr(report, "MAX_NUMBERS", 1000)
    html = render(made.se())
    assert "The quantiles by class are left out" in text_of(html)
    assert [len(profile["quantiles"]) for profile in data_of(html)["gates"][0]["profiles"]][:2] == [5, 0]


def test_no_gate_and_no_image_give_a_page():
    nothing = Excitation("a net", "a.safetensors", "folder:a", (), (), 2, (), (ImageGroup("all", "", 0),), ())
    html = render(nothing)
    assert "No gate ran." in text_of(html)
    assert "2 images left out" in text_of(html)
    assert data_of(html)["gates"] == []
