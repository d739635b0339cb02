import inspect
import io

import pytest
from rich.console import Console

from senet.cli.app import app

WIDE = 2000  # so that nothing is folded


def commands(of=app, words=()):
    """Return the words of every command that does something."""
    found = {name: of[name] for name in of if not name.startswith("-")}
    nested = [command for name, one in found.items() for command in commands(one, (*words, name))]
    return nested or [words]


def command(words):
    one = app
    for word in words:
        one = one[word]
    return one


def rendered(words):
    text = io.StringIO()
    app.help_print(list(words), console=Console(file=text, width=WIDE, color_system=None))
    lines = (" ".join(line.strip("│ ").split()) for line in text.getvalue().splitlines())
    return [line for line in lines if line]


def prose(words):
    """Return the docstring of a command up to its arguments."""
    text = inspect.getdoc(command(words).default_command)
    return text.partition("\nArgs:")[0].partition("\nParameters\n")[0]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_has_every_word_of_the_docstring(words):
    shown = " ".join(rendered(words))
    assert " ".join(prose(words).split()) in shown


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_has_every_word_on_every_argument(words):
    shown = " ".join(rendered(words))
    arguments = command(words).assemble_argument_collection(parse_docstring=True)
    said = [argument.parameter.help for argument in arguments if argument.show]  # a table of others is not shown
    assert said
    for text in said:
        assert text
        assert " ".join(text.replace("`", "").split()) in shown


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_examples_stand_on_lines_of_their_own(words):
    examples = [line.strip() for line in prose(words).splitlines() if line.startswith("    ")]
    assert len(examples) == 3
    assert set(examples) <= set(rendered(words))
    assert all(example.startswith(f"senet {' '.join(words)}") for example in examples)


def test_all_commands_are_looked_at():
    assert {("train",), ("predict",), ("data", "check"), ("weights", "convert")} <= set(commands())
