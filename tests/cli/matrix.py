"""What the tables of README.md have in common: every command on every kind of thing, run or refused with advice."""

import re
from pathlib import Path

from senet.cli import run

README = Path(__file__).parent.parent.parent / "README.md"
QUICK = ("--epochs", "1", "--precision", "float32", "--threads", "1")
COLOURS, MARKED = ("blue", "green", "red"), 2  # every model here takes every image for red: its last bias says so


def marked(model, classes=3):
    """Return a state dict that takes every image for one class of so many."""
    state = model.state_dict()
    next(value for value in state.values() if value.shape == (classes,))[MARKED] += 50
    return state


def calling(home, capsys, monkeypatch, advised, code=2):
    """Return what runs a command in a folder, and returns what it printed.

    Where a command has to be refused, with ``code``, what ``advised`` makes of it and of the error's last line is run
    in its place.
    """
    monkeypatch.chdir(home)
    capsys.readouterr()

    def call(*words, refused=False):
        found = run([*words])
        told = capsys.readouterr()
        assert found == (code if refused else 0), told.err
        return call(*advised(words, told.err.splitlines()[-1])) if refused else told.out

    return call


def drawn(heading, commands, kinds):
    """Return a table of Markdown: a tick, or the number of a note.

    Args:
        heading: Of the first column.
        commands: Of the others.
        kinds: Rows: ``typed`` begins it, and ``refused`` says which command does not take it, and why.
    """
    notes = list(dict.fromkeys(why for kind in kinds for _, why in kind.refused))
    lines = [f"| {heading} | " + " | ".join(commands) + " |", "|---" * (len(commands) + 1) + "|"]
    for kind in kinds:
        refused = {command: str(notes.index(why) + 1) for command, why in kind.refused}
        lines.append(f"| {kind.typed} | " + " | ".join(refused.get(command, "✓") for command in commands) + " |")
    return "\n".join([*lines, "", *(f"{number}. {why}" for number, why in enumerate(notes, 1))])


def printed(mark):
    """Return what README has between two marks."""
    block = re.search(rf"<!-- {mark} -->\n(.*)\n<!-- /{mark} -->", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    return block[1]
