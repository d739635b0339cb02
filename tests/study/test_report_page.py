import re
from dataclasses import replace

import pytest
from synthetic import LEFT_OUT, PAPER, PUBLISHED, VARIANTS, make_summary

from browser import Page
from senet.study.report import page as report
from senet.study.summary import LeftOutTrial

HOSTILE = ("none", "</pre><img src=x onerror=alert(1)>", "=1+1|$x$\\", "\n</details>")


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
    left_out = tuple(LeftOutTrial(t.variant, t.seed, "missing", "has not run yet") for t in whole.trials)
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
