"""senet compare --excite: what the plan says, the JSON, the line beside the report."""

import json

import pytest

from senet.cli import run

WORDS = [
    *("compare", "--variants", "SE(reduction=4)", "--seeds", "1", "--epochs", "1", "--train-fraction", "0.05"),
    *("--precision", "float32", "--threads", "1", "--workers", "1"),
]


def test_a_dry_run_says_that_gates_will_be_looked_at(tmp_path, capsys):
    assert run([*WORDS, "--dry-run", "--excite", "--out", str(tmp_path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "gates: recorded for each finished trial on 539 test images" in said
    assert "1 of 1 trial to record" in said


@pytest.mark.usefixtures("trials_here")
def test_gates_are_in_the_json_and_beside_the_report_where_they_are_asked_for(tmp_path, capsys):
    words = [*WORDS, "--out", str(tmp_path)]
    assert run([*words, "--excite"]) == 0
    told = capsys.readouterr()
    assert "recording the gates of 1 trial" in told.err
    assert "gates: recorded for 1 trial on 539 test images\n" in told.out
    assert run([*words, "--excite", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (one,) = said["gates"]["variants"]
    assert (one["variant"], len(one["gates"]), one["n"]) == ("SE(reduction=4)", 3, 1)
    first = one["gates"][0]
    assert 0 < first["mean"]["mean"] < 1
    assert first["specificity"]["low"] == first["specificity"]["mean"] == first["specificity"]["high"]
    assert run([*words, "--json"]) == 0
    without = json.loads(capsys.readouterr().out)
    assert without.keys() == said.keys() - {"gates"}
    assert without["trials"] == said["trials"]
