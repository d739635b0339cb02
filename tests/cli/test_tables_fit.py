# What every command prints fits the terminal, and nothing of what a wide one shows is cut or broken.
import io

import pytest
from rich.console import Console
from rich.text import Text

from senet.cli import START_TIME, run
from senet.cli.common.tables import Column, Table, print_pairs, print_table, print_wrapped, text_column

NARROW = (60, 80, 120)
LONG = 25  # characters from which on a word may be a path or a name that no line has room for beside another
SETTLED = ("--threads", "1", "--precision", "float32")
COMMANDS = {
    "cost": ["cost", "se_resnet18", "--by-module"],
    "cost of what has no figures": ["cost", "resnet8", "--attention", "SK(groups=1)"],
    "insert": ["insert", "resnet8", "SE", "--where", "pre", "--dry-run"],
    "insert, places": ["insert", "resnet8"],
    "models": ["models", "*res*"],
    "studies": ["studies"],
    "a study": ["studies", "sk-branches"],
    "a study of recipes": ["studies", "head"],
    "a plan": ["compare", "--study", "integration", "--seeds", "2", "--dry-run", *SETTLED, "--workers", "1"],
    "a plan of training": ["train", "--network", "resnet8", "--data", "digits", "--dry-run", *SETTLED],
    "evaluate": ["evaluate", "WEIGHTS", "--data", "folder:PHOTOS"],
    "excite": ["excite", "WEIGHTS", "--data", "folder:PHOTOS", "--out", "OUT"],
    "inspect": ["weights", "inspect", "WEIGHTS"],
    "data check": ["data", "check", "PHOTOS"],
    "predict": ["predict", "WEIGHTS", "PHOTOS/test"],
}
NEEDS = {"WEIGHTS", "folder:PHOTOS", "PHOTOS", "PHOTOS/test"}


NAMING = {"class", "network", "place"}  # headings of names, which records do without


def words(text):
    return {word for word in text.split() if set(word) != {"─"}}


def too_long(text, width):
    """Return the lines that a terminal would break, but for those that hold a word which has to stay whole."""
    return [line for line in text.splitlines() if len(line.rstrip()) > width and max(map(len, line.split())) < LONG]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_fits_and_loses_nothing(name, request, monkeypatch, capsys, tmp_path):
    given = {"OUT": str(tmp_path / "out")}
    if NEEDS & set(COMMANDS[name]):
        weights, photos = request.getfixturevalue("weights"), request.getfixturevalue("photos")
        given |= {"WEIGHTS": str(weights), "PHOTOS": str(photos), "folder:PHOTOS": f"folder:{photos}"}
        given |= {"PHOTOS/test": str(photos / "test")}
    monkeypatch.setattr("senet.cli.compare.dry_run.monotonic", lambda: START_TIME)  # else a plan's time changes
    shown = {}
    for width in (*NARROW, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        assert run([given.get(word, word) for word in COMMANDS[name]]) == 0
        shown[width] = capsys.readouterr().out
    for width in NARROW:
        assert too_long(shown[width], width) == []
        assert words(shown[200]) - words(shown[width]) <= NAMING


SHOWN = Table(
    (text_column("name\nkind"), Column("number"), text_column("words")),
    [("[red]a[/red] long name\none", "1,234,567", "several words that may be broken"), ("b\ntwo", "-", "")],
    "[b]title",
)


def printed(width, show, what):
    console = Console(file=io.StringIO(), width=width)
    show(console, what)
    return console.file.getvalue()


def test_numbers_stand_on_the_right_and_words_on_the_left_as_they_are():
    lines = printed(80, print_table, SHOWN).splitlines()
    assert [line.rstrip() for line in lines] == [
        "[b]title",
        "name",
        f"{'kind':22}  {'number':>9}  words",
        "─" * 67,
        "[red]a[/red] long name  1,234,567  several words that may be broken",
        "one",
        "b                               -",
        "two",
        "",
    ]


def test_where_a_number_would_be_cut_rows_become_records_whose_long_values_go_on_below_themselves():
    assert printed(36, print_table, SHOWN) == (
        "[b]title\n\n"
        "[red]a[/red] long name\n"
        "  kind    one\n"
        "  number  1,234,567\n"
        "  words   several words that may be\n"
        "          broken\n\n"
        "b\n  kind    two\n  number  -\n\n"
    )


def test_sentences_break_between_words_and_a_word_that_no_line_has_room_for_stays_whole():
    assert (
        printed(12, print_wrapped, f"see the file {'x' * 20}, then go on") == f"see the file\n{'x' * 20},\nthen go on\n"
    )
    assert printed(30, print_pairs, [("path", "x" * 40), ("a", Text("b"))]) == f"path  {'x' * 40}\na     b\n"


def test_wide_letters_take_two_cells():
    assert printed(7, print_wrapped, "\u6ce8\u610f \u529b") == "\u6ce8\u610f \u529b\n"
    assert printed(6, print_wrapped, "\u6ce8\u610f \u529b") == "\u6ce8\u610f\n\u529b\n"


def test_a_row_without_a_name_keeps_its_cells():
    assert "  number  7\n" in printed(8, print_table, Table((text_column(""), Column("number")), [("", "7")], ""))
