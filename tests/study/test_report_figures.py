import math
import statistics
from dataclasses import replace

import pytest
from synthetic import EPOCHS, make_summary

from senet.study.report.cost_figure import pareto_front
from senet.study.report.figures import figures
from senet.study.report.ordered_figure import step_labels

REDUCTIONS = ("none", *(f"SE(reduction={r})" for r in (2, 4, 8, 16, 32)))


def keyed(summary):
    return {figure.key: figure for figure in figures(summary)}


def values_of(figure, field):
    """Return the values of the figure's data sets that have the field."""
    return [value for values in figure.spec["datasets"].values() for value in values if field in value]


def test_the_curves_are_means_and_ranges_over_seeds():
    summary = make_summary()
    curves = values_of(keyed(summary)["learning-curves"], "epoch")
    assert len(curves) == EPOCHS * len(summary.rows)
    for value in curves:
        seeds = [t.validation[value["epoch"] - 1] for t in summary.trials if t.variant == value["variant"]]
        assert value["accuracy"] == pytest.approx(statistics.mean(seeds))
        assert (value["low"], value["high"], value["seeds"]) == (min(seeds), max(seeds), len(seeds))


def test_two_variants_share_one_figure_with_a_band_and_its_edges():
    figure = keyed(make_summary(("none", "SE(reduction=4)")))
    assert [key for key in figure if key.startswith("learning")] == ["learning-curves"]
    assert "spans the lowest to the highest seed" in figure["learning-curves"].caption
    marks = [layer["mark"]["type"] for layer in figure["learning-curves"].spec["layer"]]
    assert marks == ["area", "line", "line", "line"], "one band alone: two turn muddy"


def test_many_variants_get_a_figure_each_beside_the_baseline_on_one_scale():
    drawn = keyed(make_summary(REDUCTIONS))
    scales = []
    for index, variant in enumerate(REDUCTIONS[1:], start=1):
        figure = drawn[f"learning-curve-{index}"]
        assert {value["variant"] for value in values_of(figure, "epoch")} == {"none", variant}
        scales.append(figure.spec["layer"][0]["encoding"]["y"]["scale"]["domain"])
    assert all(scale == scales[0] for scale in scales)
    assert len(drawn["learning-curves"].spec["layer"]) == 1


def test_an_epoch_that_is_no_number_leaves_the_others():
    summary = make_summary(("none", "SE(reduction=4)"), seeds=2)
    broken = replace(summary.trials[0], validation=(math.nan, *summary.trials[0].validation[1:3]))
    drawn = keyed(replace(summary, trials=(broken, *summary.trials[1:])))
    seeds = {v["epoch"]: v["seeds"] for v in values_of(drawn["learning-curves"], "epoch") if v["variant"] == "none"}
    assert seeds == {1: 1, 2: 2, 3: 2} | dict.fromkeys(range(4, EPOCHS + 1), 1)


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 90), (2, 91), (3, 90.5), (4, 93)], [(1, 90), (2, 91), (4, 93)]),
        ([(2, 90), (1, 90)], [(1, 90)]),
        ([(1, 90), (1, 91)], [(1, 91)]),
        ([(1, 90), (1, 90)], [(1, 90), (1, 90)]),
        ([(5, 80)], [(5, 80)]),
    ],
)
def test_the_pareto_front_holds_what_no_other_dominates(points, front):
    values = [{"cost": cost, "accuracy": accuracy} for cost, accuracy in points]
    assert [(value["cost"], value["accuracy"]) for value in pareto_front(values)] == front


def test_the_cost_figures_draw_the_front_and_say_so():
    summary = make_summary()
    for key, field in (("multiply-adds", "multiply_adds"), ("parameters", "parameters"), ("latency-ms", "latency_ms")):
        figure = keyed(summary)[f"cost-{key}"]
        steps = next(layer for layer in figure.spec["layer"] if layer["mark"].get("interpolate") == "step-after")
        drawn = [(v["cost"], v["accuracy"]) for v in figure.spec["datasets"][steps["data"]["name"]]]
        priced = [{"cost": getattr(row, field), "accuracy": row.accuracy.mean} for row in summary.rows]
        front = [(value["cost"], value["accuracy"]) for value in pareto_front(priced)]
        assert drawn == [*front, (max(value["cost"] for value in priced), front[-1][1])]
        assert "Pareto front" in figure.caption


def test_ordered_variants_get_a_curve_over_the_baselines_line():
    summary = replace(make_summary(REDUCTIONS), order=REDUCTIONS[1:])
    figure = keyed(summary)["ordered"]
    steps = {v["variant"]: v for v in values_of(figure, "step")}
    assert [v["step"] for v in sorted(steps.values(), key=lambda v: v["place"])] == ["2", "4", "8", "16", "32"]
    for row in summary.rows[1:]:
        shown = steps[row.variant]
        assert (shown["accuracy"], shown["low"]) == (row.accuracy.mean, row.accuracy.low)
    assert f"The dashed line is none, {summary.rows[0].accuracy.mean:.2f}%" in figure.caption
    assert "SE(reduction=…)" in figure.title


def test_variants_without_an_order_or_a_score_have_no_curve():
    summary = make_summary(REDUCTIONS)
    assert "ordered" not in keyed(summary)
    rows = tuple(replace(row, n=0) if i > 1 else row for i, row in enumerate(summary.rows))
    assert "ordered" not in keyed(replace(summary, rows=rows, order=REDUCTIONS[1:]))


@pytest.mark.parametrize(
    ("variants", "labels", "axis"),
    [
        (["SE(reduction=2)", "SE(reduction=16)"], ["2", "16"], "SE(reduction=…)"),
        (["SE(reduction=16)", "SE(reduction=128)"], ["16", "128"], "SE(reduction=…)"),
        (["SE(stages=2)", "SE(stages=2,3)"], ["2", "2,3"], "SE(stages=…)"),
        (["SE(reduction=2, bias)", "SE(reduction=4, bias)"], ["2", "4"], "SE(reduction=…, bias)"),
        (["SE", "CBAM"], ["SE", "CBAM"], "Variant"),
        (["SE()", "SE(reduction=2)"], ["SE()", "SE(reduction=2)"], "Variant"),
    ],
)
def test_steps_are_named_by_what_tells_them_apart(variants, labels, axis):
    assert step_labels(variants) == (labels, axis)


def test_a_cost_that_could_not_be_counted_whole_is_called_so():
    whole = make_summary()
    part = replace(whole, rows=(*whole.rows[:1], replace(whole.rows[1], uncounted="not counted: fft"), *whole.rows[2:]))
    assert keyed(whole)["cost-multiply-adds"].title == "Accuracy against multiply-adds"
    assert keyed(part)["cost-multiply-adds"].title == "Accuracy against multiply-adds, as far as they are counted"
    assert keyed(part)["cost-parameters"].title == "Accuracy against parameters"
