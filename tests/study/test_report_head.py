# What a study's page says of itself, and what its figures share.
from dataclasses import replace
from datetime import UTC, datetime

from synthetic import make_summary

from browser import Page
from senet.study.report import page
from senet.study.summary import StudyHeading


def test_a_study_says_what_was_asked_when_by_which_command_and_for_how_long():
    heading = StudyHeading("reduction", "How far?", "senet compare --data 'folder:a </pre><b>'")
    summary = replace(make_summary(seeds=3), heading=heading)
    html = page.render(summary, datetime(2026, 3, 9, 6, 5, tzinfo=UTC))
    text = " ".join("".join(Page(html).text).split())
    minutes, seconds = divmod(round(sum(trial.seconds for trial in summary.trials)), 60)
    assert "reduction: resnet8 on digits How far?" in text
    assert f"Made9 March 2026, 06:05 UTC Training took{minutes} min {seconds:02d} s in 12 trials" in text
    assert "senet compare --data 'folder:a </pre><b>'" in text, "the words stand together for whoever copies them"
    assert "</pre><b>" not in html.partition("<script>")[0]


def test_what_is_not_known_is_not_said():
    html = page.render(make_summary(seeds=3))
    assert "Made" not in html
    assert 'id="command"' not in html


def test_figures_that_stand_together_share_caption_and_legend():
    html = page.render(make_summary(seeds=3))
    for said in ("The stepped line is the Pareto front", "Lines are means over seeds."):
        assert html.count(f">{said}") + html.count(f"interval. {said}") == 1
    assert html.count('aria-label="Variants"') == 2, "of the learning curves, and of accuracy against cost"


def test_what_was_noted_of_the_plan_stands_under_the_verdicts():
    html = page.render(replace(make_summary(seeds=3), notes=("classes weigh 0.5 to 2",)))
    verdicts = html[html.index('id="verdict"') : html.index('id="table"')]
    assert "<li>classes weigh 0.5 to 2</li>" in verdicts
