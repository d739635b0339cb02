"""senet compare and senet studies: what is printed, where the files are, several ranks."""

import csv
import json
import shlex
import sys

import pytest

from launching import ended, start, torchrun
from senet.cli import run
from senet.utils.environment import environment

BRIEF = ("--epochs", "1", "--train-fraction", "0.05", "--precision", "float32", "--threads", "1")
MINE = """
seeds = 1
network = "resnet8"
[recipe]
epochs = 1
[variants]
none = "none"
smooth = { attention = "SE(reduction=4)", stages = [3, 4], recipe = { label_smoothing = 0.1 } }
"""


def test_studies_are_listed_and_shown_beside_what_their_paper_printed(capsys):
    assert run(["studies"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("reduction", "sk-branches", "cbam-order", "family", "head"))
    assert run(["studies", "reduction"]) == 0
    shown = capsys.readouterr().out
    assert "SE(reduction=2, bias=False)" in shown
    assert "22.28" in shown
    assert "arXiv 1709.01507v4, table 10" in shown
    assert run(["studies", "integration", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["integration"]
    assert said["variants"]["pre"]["where"] == "pre"
    assert {row["value"] for row in said["published"]} >= {22.28, 22.23, 22.78, 22.20}


@pytest.mark.slow
@pytest.mark.usefixtures("trials_here")
def test_a_study_prints_the_command_that_trains_each_variant_again(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["compare", "--variants", "none", "SE(reduction=4)", "--seeds", "2", *BRIEF]) == 0
    _, _, said = capsys.readouterr().out.partition("to train a trial again, to the same weights")
    commands = said.replace("\\\n", "").splitlines()[1:]
    results = [json.loads(path.read_text())["result"] for path in tmp_path.glob("runs/resnet8-digits/trials/*.json")]
    assert [shlex.split(c) for c in commands] == [
        shlex.split(result["command"])
        for variant in ("none", "SE(reduction=4)")
        for result in results
        if (result["variant"], result["seed"]) == (variant, 0)
    ]
    assert len({result["command"] for result in results}) == 4
    for command in commands:
        assert run(shlex.split(command)[1:]) == 0, capsys.readouterr().err


def test_a_study_and_a_run_do_not_share_a_folder(tmp_path, capsys):
    words = ["--network", "resnet8", "--data", "digits", *BRIEF]
    assert run(["train", *words, "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert run(["compare", *words, "--seeds", "1", "--out", str(tmp_path), "--name", "run"]) == 2
    assert "the folder holds a run of senet train" in capsys.readouterr().err
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.json").write_text("{}")
    assert run(["train", *words, "--out", str(tmp_path / "study")]) == 2
    assert "the folder holds a study" in capsys.readouterr().err


def test_a_last_image_that_joins_its_batch_is_said_before_the_study(tmp_path, capsys):
    words = ["compare", "--seeds", "1", *BRIEF, "--batch-size", "59", "--dry-run", "--out", str(tmp_path)]
    assert run(words) == 0
    said = capsys.readouterr().out
    assert "digits: 60 images to train on" in said
    assert "note: an epoch's last image joins the batch before it" in said


def test_an_unknown_study_is_told_the_nearest(capsys):
    for words in (["studies", "reducton"], ["compare", "--study", "reducton"]):
        assert run(words) == 2
        assert "did you mean reduction?" in capsys.readouterr().err


def test_a_dry_run_of_a_study_says_what_would_run_for_how_long(tmp_path, capsys):
    words = ["compare", "--study", "integration", "--seeds", "4", *BRIEF, "--dry-run", "--out", str(tmp_path)]
    assert run(words) == 0
    said = capsys.readouterr().out
    assert "16 trials: 4 variants x 4 seeds of resnet11b" in said
    assert "16 trials to run, about " in said
    assert "core hours" in said
    assert "4 seeds cannot decide: the smallest p within reach is 0.125; 6 seeds are the least" in said
    assert "\nprecision float32: given\n" in said
    where = [line.split() for line in said.splitlines() if line.startswith(("pre ", "post ", "identity "))]
    assert where == [[name, "SE(bias=False),", f"where={name}"] for name in ("pre", "post", "identity")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "code"), [([], 0), (["--variants", "none", "SE(reduction=4000)"], 2), (["--network", "no"], 2)]
)
def test_a_dry_run_leaves_nothing_whether_it_ends_well_or_not(more, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["compare", "--seeds", "1", *BRIEF, *more]
    assert run([*words, "--dry-run", "--figures", "figures/new"]) == code
    assert list(tmp_path.iterdir()) == []
    assert code == 0 or run(words) == code
    assert list(tmp_path.rglob("*.json")) == list(tmp_path.rglob("results*")) == []


def test_a_dry_run_as_json_says_what_was_settled_and_how_long_it_takes(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["compare", "--seeds", "2", *BRIEF, "--workers", "1", "--dry-run", "--json"]
    assert run(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["precision"] == {"precision": "float32", "origin": "given"}
    assert (said["workers"]["value"], said["trials"], said["missing"]) == (1, 8, 8)
    assert said["seconds"] > 0
    assert "2 seeds cannot decide" in said["notes"][0]


def test_figures_that_cannot_be_written_are_refused_before_the_study_with_their_own_flag(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    words = ["compare", "--seeds", "1", *BRIEF, "--out", str(tmp_path / "runs"), "--figures", str(tmp_path / "file/a")]
    assert run(words) == 6
    assert "pass another --figures" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("trials_here")
def test_a_study_of_ones_own_with_figures(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text(MINE)
    words = ["compare", "--study", str(tmp_path / "mine.toml"), *BRIEF, "--out", str(tmp_path / "runs")]
    assert run([*words, "--figures", str(tmp_path / "figures"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["variant"] for row in said["rows"]] == ["none", "smooth"]
    variants = json.loads((tmp_path / "runs/mine-resnet8-digits/study.json").read_text())["settings"]["variants"]
    assert variants["smooth"]["stages"] == [3, 4]
    assert variants["smooth"]["recipe"] == {"label_smoothing": 0.1}
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".svg", ".pdf"}


@pytest.mark.slow
@pytest.mark.usefixtures("trials_here")
def test_another_machines_study_runs_again_unless_it_is_told_to_go_on(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.toml").write_text(MINE)
    words = ["compare", "--study", str(tmp_path / "mine.toml"), *BRIEF, "--out", str(tmp_path / "runs"), "--json"]
    assert run(words) == 0
    before = json.loads(capsys.readouterr().out)["rows"]
    elsewhere = {**environment(), "processor": "another"}
    for module in ("study.compare", "study.trials.environments", "cli.compare.dry_run"):
        monkeypatch.setattr(f"senet.{module}.environment", lambda: elsewhere)
    assert run([*words, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 2
    assert run([*words, "--any-machine"]) == 0
    told = capsys.readouterr()
    assert [row["accuracy"] for row in json.loads(told.out)["rows"]] == [row["accuracy"] for row in before]
    assert "2 of 2 trials are finished already" in told.err
    assert run(words) == 0
    assert "1 seed finished in another environment" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--study", "family", "--variants", "none"], "--study and --variants together"),
        (["--study", "absent.toml"], "not a readable study"),
        (["--study", "family", "--network", "resnet8"], "variant SK of resnet8"),
        (["--on", "mars"], "--on 'mars' is not local, ray or ray://HOST:PORT"),
        (["--seeds", "0"], "seeds=0 is below 1"),
        (["--workers", "0"], "workers=0 is below 1"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is(words, said, tmp_path, capsys):
    assert run(["compare", *words, "--out", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.json"))


def rows(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.reader(file))


@pytest.mark.slow
@pytest.mark.xdist_group("ranks")
def test_two_ranks_share_the_trials_and_give_the_results_of_one_process(tmp_path):
    """Every image counts once: a trial never spans ranks."""
    command = ["-m", "senet", "compare", "--variants", "none", "SE(reduction=4)", "--seeds", "2", *BRIEF, "--out"]
    code, said = ended(torchrun(2, *command, tmp_path / "two"))
    assert code == 0, said
    assert said.count("report: ") == 1
    code, said = ended(start(sys.executable, *command, tmp_path / "one"))
    assert code == 0, said
    one, two = (tmp_path / ranks / "resnet8-digits" for ranks in ("one", "two"))
    assert rows(one) == rows(two)
    for path in (one / "weights").iterdir():
        assert path.read_bytes() == (two / "weights" / path.name).read_bytes()
