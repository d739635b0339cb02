import io
from dataclasses import replace

import pytest
from rich.console import Console
from synthetic import VARIANTS, make_summary

from senet.cli.compare.table import print_comparison


def printed(summary, width, terminal=False):
    console = Console(
        width=width, file=io.StringIO(), force_terminal=terminal, color_system="standard" if terminal else None
    )
    print_comparison(console, summary)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_every_number_stands_on_one_line(width):
    text = printed(make_summary(), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    for name in VARIANTS:
        row = next(line for line in lines if line.startswith(name + " "))
        assert row.rstrip().endswith("ms")
    assert "[91.84, 93.25]   [0.40, 2.05]" in text
    assert "+1.23  0.0078      80.5 k   1.12 ms" in text
    assert "3.21 M    14.0 s" in text


def test_the_sentences_follow_the_table_each_a_paragraph():
    summary = make_summary()
    assert printed(summary, 400).split("\n\n")[-4:] == [*map(str, summary.verdicts), ""]


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [1, 20, 40])
def test_narrow_consoles_do_not_crash(width, terminal):
    assert printed(make_summary(), width, terminal)


def test_no_escape_codes_where_there_is_no_terminal():
    assert "\x1b" not in printed(make_summary(), 80)
    assert "\x1b[1m" in printed(make_summary(), 80, terminal=True)


def test_names_are_text():
    hostile = ("none", "[red]x[/red]", "[/]", "\x1b[31mE\x07\x9b2J", "%s {0}", "\u202egnp")
    text = printed(make_summary(hostile), 120)
    for shown in ("[red]x[/red]", "[/]", "\\x1b[31mE\\x07\\x9b2J", "%s {0}", "\\u202egnp"):
        assert shown in text
    assert not any(character in text for character in "\x1b\x07\x9b\u202e")


@pytest.mark.parametrize(
    "summary", [make_summary(seeds=1, latency=False), make_summary(("none",)), make_summary(seeds=2)]
)
def test_little_evidence_is_shown_as_such(summary):
    text = printed(summary, 80)
    assert ("not timed" in text) == all(row.latency_ms is None for row in summary.rows)
    assert (" ms" in text) == any(row.latency_ms is not None for row in summary.rows)
    assert "nan" not in text


def test_a_study_without_rows():
    assert "resnet8 on digits" in printed(replace(make_summary(), rows=(), verdicts=(), trials=()), 80)
