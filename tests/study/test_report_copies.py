import csv
import io
import re
from dataclasses import replace

import pytest
from synthetic import make_summary

from senet.study.report.export import ExportTable, csv_text, latex, markdown
from senet.study.report.tables import results_numbers, results_shown, trials_numbers, trials_shown

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)"]
ODD = [
    r"a\b|c",
    "$x$ 5% _y_ & #1 {z}",
    "<b>*bold*</b> `code` [l](u)",
    "two\nlines\r\n",
    "~^ --> \u202e",
    '"quoted", comma',
]


def sheet(*names):
    return ExportTable(("Variant", "Accuracy, %"), tuple((name, "-0.50") for name in names))


def cells(line):
    """Split a pipe table's line as a Markdown reader does, and undo its escapes."""
    parts = re.split(r"(?<!\\)\|", re.sub(r"\\\\", "\0", line))[1:-1]
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", part.strip()).replace("\0", "\\") for part in parts]


def test_markdown_names_come_back_as_they_were():
    lines = markdown(sheet(*ODD[:3], ODD[5])).splitlines()
    assert cells(lines[0]) == ["Variant", "Accuracy, %"]
    assert lines[1] == "| :-- | --: |"
    assert [cells(line) for line in lines[2:]] == [[name, "-0.50"] for name in (*ODD[:3], ODD[5])]


@pytest.mark.parametrize("write", [markdown, latex, csv_text])
def test_a_name_of_two_lines_stays_on_one(write):
    assert len(write(sheet(*ODD)).splitlines()) == len(write(sheet(*"abcdef")).splitlines())
    assert not re.search("[\r\u202e]", write(sheet(*ODD)))


@pytest.mark.parametrize("write", [markdown, latex, csv_text])
def test_the_names_of_the_field_are_left_alone(write):
    assert "SE(reduction=16), stages 2-4" in write(sheet("SE(reduction=16), stages 2-4"))


def test_latex_escapes_what_would_be_a_command():
    row = latex(sheet("\\input{x} $a$ 5% b_c & #1 ^ ~ --> |")).splitlines()[5]
    assert row == (
        r"\textbackslash{}input\{x\} \$a\$ 5\% b\_c \& \#1 \textasciicircum{} \textasciitilde{} "
        r"-{}-\textgreater{} \textbar{} & $-$0.50 \\"
    )


@pytest.mark.parametrize("name", ["[1cm]", "*"])
def test_latex_takes_no_name_for_the_argument_of_the_row_above(name):
    assert latex(sheet("a", name)).splitlines()[6].startswith("{}")


def test_latex_is_a_booktabs_table():
    lines = latex(sheet("a")).splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs}"
    assert lines[1] == r"\begin{tabular}{lr}"
    assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert lines[-1] == r"\end{tabular}"


@pytest.mark.parametrize("name", FORMULAS)
def test_a_spreadsheet_computes_no_name(name):
    rows = list(csv.reader(io.StringIO(csv_text(ExportTable(("variant", "accuracy"), ((name, -0.5),))))))
    assert rows[1] == [f"'{name}", "-0.5"]


def test_csv_has_the_numbers_in_full():
    summary = make_summary()
    for row, line in zip(summary.rows, csv.DictReader(io.StringIO(csv_text(results_numbers(summary)))), strict=True):
        assert (line["variant"], float(line["accuracy"])) == (row.variant, row.accuracy.mean)
        assert float(line["latency_ms"]) == row.latency_ms
        compared = row.comparison
        assert line["difference"] == ("" if compared is None else repr(compared.difference.mean))
        assert line["outcome"] or compared is None
    for trial, line in zip(summary.trials, csv.DictReader(io.StringIO(csv_text(trials_numbers(summary)))), strict=True):
        assert (line["key"], int(line["seed"]), float(line["accuracy"])) == (trial.key, trial.seed, trial.accuracy)
        assert float(line["best_validation"]) == max(trial.validation)


def test_what_is_no_number_is_an_empty_cell():
    summary = make_summary(seeds=1, latency=False)
    row = replace(summary.rows[1], train_seconds=float("nan"))
    line = next(csv.DictReader(io.StringIO(csv_text(results_numbers(replace(summary, rows=(row,)))))))
    assert [line[field] for field in ("accuracy_low", "p", "latency_ms", "train_seconds")] == [""] * 4


def test_every_row_is_as_wide_as_its_headings():
    summary = make_summary()
    for made in (results_shown, results_numbers, trials_shown, trials_numbers):
        assert {len(row) for row in made(summary).rows} == {len(made(summary).headings)}
