"""What is wrong with some of the data and does not stop the work is said on the terminal, once, by every command."""

import json
import re
import shutil

import pytest

from launching import ended, torchrun
from senet.cli import run

TRAIN, TEST = "red", "blue"


@pytest.fixture(scope="module")
def spoilt(photos, tmp_path_factory):
    """Photos of which one of train and one of test is no image, and no green one validates; and shards of them."""
    home = tmp_path_factory.mktemp("spoilt")
    root = shutil.copytree(photos, home / "photos")
    for path in (root / "train" / TRAIN / "3.png", root / "test" / TEST / "2.png"):
        path.write_bytes(b"<html>")
    shutil.rmtree(root / "val" / "green")
    (root / "val" / "green").mkdir()
    assert run(["data", "pack", str(root), "--out", str(home / "packed")]) == 0
    return home


def command(name, spoilt, out, kept):
    where = ["--in-memory", "yes", "--data", f"folder:{spoilt / 'photos'}"]
    where = where if kept else ["--data", f"shards:{spoilt / 'packed'}"]
    words = [name, "--network", "resnet8", *where, "--image-size", "24", "--on-error", "skip", "--out", str(out)]
    quick = ["--epochs", "2", "--batch-size", "6", "--precision", "float32", "--threads", "1"]
    return [*words, *quick, *(["--workers", "0"] if name == "train" else ["--workers", "2", "--seeds", "2"])]


def said(capsys):
    """Return what was said, without the line breaks of a narrow terminal."""
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("trials_here")
@pytest.mark.parametrize("kept", [True, False], ids=["in memory", "as they go"])
@pytest.mark.parametrize("name", ["train", "compare"])
def test_row_99_images_left_out_and_classes_without_images_are_said(name, kept, spoilt, tmp_path, capsys):
    more = [] if name == "train" else ["--variants", "none", *["--dry-run"] * kept]  # then a plan has read all images
    assert run([*command(name, spoilt, tmp_path, kept), *more]) == 0
    notes = said(capsys)
    assert "note: left out: " in notes or "note: none, seed 0: left out: " in notes
    times = 2 if name == "compare" and not kept else 1  # two trials
    for split, colour, number in (("train", TRAIN, 3), ("test", TEST, 2)):
        image = f"{split}/{colour}/{number}.png" if kept else f"-{colour}-{number}.png"
        assert len(re.findall(rf"left out: \S*{re.escape(image)} \(sample ", notes)) == times
    assert 1 <= notes.count("val has no images of 'green'; its numbers are n/a") <= 2 * times - 1


def test_row_99_a_dry_run_says_them_and_prints_json_alone(spoilt, tmp_path, capsys):
    assert run([*command("train", spoilt, tmp_path, True), "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["test_images"] == 12
    assert err.count("note: left out: ") == 2


def test_row_99_the_log_has_what_was_said_before_it_began(spoilt, tmp_path, capsys):
    (spoilt / "photos" / "train" / TRAIN / "notes.txt").write_text("not used")
    assert run(command("train", spoilt, tmp_path, True)) == 0
    log, told = (tmp_path / "log.txt").read_text(), said(capsys)
    for sentence in ("val has no images of 'green'", "not used, not images by their names: 1 (train 1)"):
        assert log.count(sentence) == told.count(sentence) == 1
    assert "not used, images that cannot be read: 2 (train 1, test 1)" in told
    assert log.index("has no images") < log.index("not used, images that cannot be read")
    kept = json.loads((tmp_path / "result.json").read_text())["unused"]
    assert {(one["why"], one["split"]): one["count"] for one in kept} == {
        ("other", "train"): 1,
        ("empty-class", "val"): 1,
        ("unreadable", "train"): 1,
        ("unreadable", "test"): 1,
    }


@pytest.mark.slow
@pytest.mark.xdist_group("ranks")
def test_of_two_ranks_the_first_says_what_each_left_out(spoilt, tmp_path):
    code, said = ended(torchrun(2, "-m", "senet", *command("train", spoilt, tmp_path, False)))
    assert code == 0, said
    assert said.count("has no images of 'green'") == 1
    assert said.count(f"note: left out: train-00000.tar/00000020-{TRAIN}-3.png") == 1


@pytest.mark.slow
@pytest.mark.xdist_group("ranks")
def test_shards_are_evaluated_by_two_ranks_as_by_one(trained, photos, tmp_path, capsys):
    assert run(["data", "pack", str(photos), "--out", str(tmp_path / "packed")]) == 0
    weights = str(trained / "weights" / "last.safetensors")
    asked = ["evaluate", weights, "--data", f"shards:{tmp_path / 'packed'}", "--batch-size", "4", "--json"]
    capsys.readouterr()
    assert run(asked) == 0
    one = json.loads(capsys.readouterr().out)
    code, said = ended(torchrun(2, "-m", "senet", *asked))
    assert code == 0, said
    [two] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert (two["images"], two["classes"]) == (13, one["classes"])
    assert said.count("note: using the split test") == 1
