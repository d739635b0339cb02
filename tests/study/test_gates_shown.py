# What is shown of the gates of a study's variants: mean and range over seeds, strips, table.
import json
from dataclasses import replace

import pytest
from synthetic import make_summary

from browser import browse, drawn, needs_chromium
from senet.data import DataConfig
from senet.study.build_variants import variants_from_specs
from senet.study.gates.aggregate import aggregate_gates, mean_and_range
from senet.study.gates.values import TrialGate, TrialGates, UncollectedTrial
from senet.study.plan import Plan
from senet.study.report import page
from senet.study.report.figures import figures
from senet.training import Recipe


def gate(specificity, saturated=0.1, name="stage2.<b>"):
    ends = (None, None) if saturated is None else (saturated / 2, saturated / 2)
    return TrialGate(name, "channels", (8,), 1, 0.5, *ends, 0.0, specificity, 0.1, 0.5, 3.0)


def made(*seeds, variant):
    plan = Plan("resnet8", variants_from_specs(("none",)), len(seeds), DataConfig("digits"), Recipe())
    trials = [replace(trial, variant=variant) for trial in plan.trials("x", {})]
    return [
        (trial, TrialGates(540, 10, gates, ("never",) if gates else (), ("said",)))
        for trial, gates in zip(trials, seeds, strict=True)
    ]


def test_mean_and_range_are_of_the_seeds_that_have_the_number():
    assert mean_and_range([0.2, None, 0.4]).mean == pytest.approx(0.3)
    assert (
        mean_and_range([0.2, None, 0.4]).low,
        mean_and_range([0.2, None, 0.4]).high,
        mean_and_range([0.2, None, 0.4]).n,
    ) == (0.2, 0.4, 2)
    assert mean_and_range([None]) == mean_and_range([])
    found = aggregate_gates(("a",), made((gate(0.2),), (gate(None),), variant="a")).variants[0]
    assert found.gates[0].not_finite == 2
    assert (found.gates[0].n, found.gates[0].specificity.n) == (2, 1)
    assert found.notes == ("said",)


def pictured(variants=("none", "a <i>", "b")):
    seen = [
        *made((gate(-0.1), gate(None, None, "odd")), (gate(0.3), gate(None, None, "odd")), variant=variants[1]),
        *made((), variant=variants[0]),
    ]
    gates = aggregate_gates(variants, seen, (UncollectedTrial("b", 3, "its weights are <gone>"),))
    return replace(make_summary(variants, seeds=3), gates=gates)


def test_the_report_opens_with_a_strip_of_each_variant_that_has_gates():
    summary = pictured()
    html = page.render(summary)
    assert figures(summary)[0].key == "gates-1"
    assert html.index("What the gates learned") < html.index("What the evidence supports")
    section = html[html.index('aria-labelledby="gates"') : html.index('aria-labelledby="verdict"')]
    assert section.count("<figure ") == 1
    for said in ("best validation", "540 test images of 10 classes", "a &lt;i&gt;", "n/a", "stage2.&lt;b&gt;"):
        assert said in section
    assert "10.0% [-10.0%, 30.0%]" in section
    assert "none: no gate" in section
    assert "a &lt;i&gt;: images are left out whose values are NaN or infinite, in 2 gates" in section
    assert "a &lt;i&gt;: 1 attention block did not run: never" in section
    assert "b, seed 3, is not counted: its weights are &lt;gone&gt;" in section


def test_a_strip_has_a_mark_for_each_gate_and_says_where_there_is_no_number():
    spec = figures(pictured())[0].spec
    values = [value for rows in spec["datasets"].values() for value in rows]
    assert {value["gate"] for value in values} == {"stage2.<b>", "odd"}
    texts = [layer for layer in spec["layer"] if layer["mark"].get("text") == "n/a"]
    assert [value["gate"] for value in spec["datasets"][texts[0]["data"]["name"]]] == ["odd"]
    scales = [layer["encoding"]["y"]["scale"]["domain"] for layer in spec["layer"] if "y" in layer["encoding"]]
    assert {tuple(scale) for scale in scales} == {(-0.1, 1.0)}
    json.dumps(spec, allow_nan=False)


@needs_chromium
def test_a_browser_draws_every_strip_and_complains_of_nothing(tmp_path):
    console, dom = browse(page.render(pictured()), tmp_path)
    assert console == []
    assert drawn(dom)["gates-1"] >= 2  # a mark and a bar; what has no number is a word


def test_a_study_that_was_not_looked_at_has_no_word_of_gates():
    assert "gates" not in "".join(figure.key for figure in figures(make_summary()))
    assert "What the gates learned" not in page.render(make_summary())
    nothing = replace(make_summary(), gates=aggregate_gates((), []))
    assert "No gates are recorded yet" in page.render(nothing)
