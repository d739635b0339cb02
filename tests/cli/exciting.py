"""Running senet excite, and reading what it says and writes."""

import csv
import json

from senet.cli import run


def excited(capsys, *words, code=0):
    """Run it; return what it prints and what it notes."""
    capsys.readouterr()
    found = run(["excite", *map(str, words)])
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def as_json(capsys, *words):
    return json.loads(excited(capsys, *words, "--json")[0])


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
