import csv
import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from shapes import COLOURS, picture, read, write

from browser import Page
from senet import create, load_weights
from senet.cli import run


@pytest.fixture
def held_out(photos, tmp_path):
    return shutil.copytree(photos / "test", tmp_path / "held_out")


def evaluated(capsys, arguments, code=0):
    found = run(["evaluate", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def as_json(capsys, arguments):
    return json.loads(evaluated(capsys, [*arguments, "--json"])[0])


def rows(out):
    """Return the cells of the table of classes."""
    lines = [line.split() for line in out.splitlines()]
    start = next(i for i, cells in enumerate(lines) if cells[:1] == ["class"])
    return [cells for cells in lines[start + 2 :] if len(cells) == 6]


def by_hand(path, folder):
    """Return (images, correct) of each class by a plain loop over the files."""
    about, _ = read(path)
    said = about["input_transform"]
    model = create("se_resnet8", num_classes=3)
    load_weights(model, path)
    hits = {}
    for label, name in enumerate(about["classes"]):
        guesses = []
        for file in sorted((folder / name).iterdir()):
            pixels = np.asarray(Image.open(file), dtype=np.float32) / 255
            x = torch.from_numpy((pixels - said["mean"]) / said["std"]).permute(2, 0, 1)[None].float()
            guesses.append(int(model.eval()(x).argmax()))
        hits[name] = len(guesses), guesses.count(label)
    return hits


def test_on_the_validation_images_it_finds_what_results_csv_says(weights, trained, photos, capsys):
    with (trained / "results.csv").open() as file:
        *_, last = csv.DictReader(file)
    found = as_json(capsys, [weights, "--data", f"folder:{photos}", "--split", "val"])
    assert found["top1"] == float(last["validation_top1"])
    assert found["loss"] == pytest.approx(float(last["validation_loss"]), rel=1e-5)
    assert found["data"] == f"folder:{photos}, val"


def test_accuracies_are_those_of_a_plain_loop_over_the_files(weights, photos, capsys):
    found, hits = as_json(capsys, [weights, "--data", f"folder:{photos}"]), by_hand(weights, photos / "test")
    assert {row["name"]: (row["images"], row["correct"]) for row in found["classes"]} == hits
    images, correct = map(sum, zip(*hits.values(), strict=True))
    assert found["top1"] == pytest.approx(100 * correct / images)
    assert 50 < found["top1"] < 100


def test_the_tables_show_the_score_and_every_class(weights, photos, capsys):
    out, err = evaluated(capsys, [weights, "--data", f"folder:{photos}"])
    assert "se_resnet8 with SE(reduction=8), epoch 2" in out
    assert "13 images; input 3 x 24 x 24, float32" in " ".join(out.split())
    assert rows(out)[0] == ["blue", "80.00%", "100.00%", "88.89%", "4", "5"]
    assert [row[0] for row in rows(out)] == ["blue", "green", "red"]
    assert err == "note: using the split test; --split val uses the other\n"


def test_json_is_alone_on_standard_output(weights, photos, capsys):
    out, err = evaluated(capsys, [weights, "--data", f"folder:{photos}", "--json"])
    assert len(out.splitlines()) == 1
    found = json.loads(out)
    assert found["weights"] == str(weights)
    assert found["top5"] is None  # among three classes it says nothing
    assert "using the split test" in err


def test_row_12_classes_go_by_name_where_the_weights_have_another_order(weights, photos, tmp_path, capsys):
    about, tensors = read(weights)
    order = [2, 0, 1]
    moved = {name: value[order] for name, value in tensors.items() if name.startswith("head.fc.")}
    assert len(moved) == 2
    about["classes"] = [about["classes"][i] for i in order]
    other = write(tmp_path / "other.safetensors", about, tensors | moved)
    one, two = (as_json(capsys, [path, "--data", f"folder:{photos}"]) for path in (weights, other))
    assert [row["name"] for row in two["classes"]] == ["red", "blue", "green"]
    named = [{row["name"]: (row["images"], row["correct"]) for row in found["classes"]} for found in (one, two)]
    assert named[0] == named[1]
    assert one["top1"] == two["top1"]


def test_row_08_a_class_without_images_is_not_available_and_not_zero(weights, held_out, tmp_path, capsys):
    shutil.rmtree(held_out / "red")
    arguments = [weights, "--data", f"folder:{held_out}", "--csv", tmp_path / "classes.csv"]
    out, err = evaluated(capsys, arguments)
    assert rows(out)[2] == ["red", "n/a", "0.00%", "0.00%", "0", "0"]
    assert "has no images of 'red'; its numbers are n/a" in err
    with (tmp_path / "classes.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["accuracy"] for row in written] == ["80.0000", "100.0000", "n/a"]
    assert as_json(capsys, arguments)["classes"][2]["accuracy"] is None


def test_row_09_unknown_classes_are_an_error_unless_they_are_to_be_left_out(weights, held_out, capsys):
    (held_out / "red").rename(held_out / "yellow")
    _, err = evaluated(capsys, [weights, "--data", f"folder:{held_out}"], code=3)
    assert "'yellow'" in err
    assert "rename them, or leave them out, ignore_unknown=True (--ignore-unknown); known: blue, green, red" in err
    out, err = evaluated(capsys, [weights, "--data", f"folder:{held_out}", "--ignore-unknown"])
    assert "not used, images of unknown classes: " in err
    assert "yellow (" in err
    assert ": 9 images;" in " ".join(out.split())


def test_row_02_an_image_that_cannot_be_read_stops_or_shows_in_the_number_of_images(weights, held_out, capsys):
    (held_out / "green" / "0.png").write_bytes(b"")
    arguments = [weights, "--data", f"folder:{held_out}"]
    out, err = evaluated(capsys, arguments, code=3)
    assert "green/0.png" in err
    assert "--on-error skip" in err
    assert out == ""
    out, err = evaluated(capsys, [*arguments, "--on-error", "skip"])
    assert "note: left out: green/0.png" in err
    assert "12 of 13" in out
    found = as_json(capsys, [*arguments, "--on-error", "skip"])
    assert (found["images"], found["images_in_all"]) == (12, 13)


def test_row_16_names_of_classes_are_shown_not_obeyed(weights, held_out, tmp_path, capsys):
    names = ["=1+1", "[red]a", "\x1b[31mb"]
    about, tensors = read(weights)
    other = write(tmp_path / "other.safetensors", about | {"classes": names}, tensors)
    for old, new in zip(COLOURS, names, strict=True):
        (held_out / old).rename(held_out / new)
    out, _ = evaluated(capsys, [other, "--data", f"folder:{held_out}", "--csv", tmp_path / "classes.csv"])
    assert [row[0] for row in rows(out)] == ["=1+1", "[red]a", r"\x1b[31mb"]
    assert "\x1b" not in out
    with (tmp_path / "classes.csv").open() as file:
        assert [row["class"] for row in csv.DictReader(file)] == ["'=1+1", "[red]a", r"\x1b[31mb"]


def test_of_many_classes_the_worst_are_shown_and_those_without_images_counted(weights, held_out, tmp_path, capsys):
    about, _ = read(weights)
    model = create("se_resnet8", num_classes=25)
    about |= {"num_classes": 25, "classes": [*COLOURS, *(f"colour {i}" for i in range(22))]}
    path = write(tmp_path / "many.safetensors", about, model.state_dict())
    out, _ = evaluated(capsys, [path, "--data", f"folder:{held_out}"])
    assert "the 3 worst of 3 classes with images (--csv FILE writes all)" in out
    assert "22 classes have no images here: n/a" in out
    shown = [float(row[1].rstrip("%")) for row in rows(out)]
    assert shown == sorted(shown)
    assert len(shown) == 3


def test_weights_without_a_class_map_need_one(weights, photos, tmp_path, capsys):
    about, tensors = read(weights)
    names = about.pop("classes")
    bare = write(tmp_path / "bare.safetensors", about, tensors)
    _, err = evaluated(capsys, [bare, "--data", f"folder:{photos}"], code=4)
    assert "pass --classes FILE.json" in err
    (tmp_path / "names.json").write_text(json.dumps(names))
    given = as_json(capsys, [bare, "--data", f"folder:{photos}", "--classes", tmp_path / "names.json"])
    assert given["classes"] == as_json(capsys, [weights, "--data", f"folder:{photos}"])["classes"]


def test_a_file_of_classes_in_another_order_than_the_weights_is_refused(weights, photos, tmp_path, capsys):
    (tmp_path / "names.json").write_text(json.dumps(["red", "green", "blue"]))
    arguments = [weights, "--data", f"folder:{photos}", "--classes", tmp_path / "names.json"]
    _, err = evaluated(capsys, arguments, code=3)
    assert "in the file of classes than in the weights" in err
    assert "0 -> 2     blue" in err
    assert "leave the file out" in err


def test_class_folders_alone_and_the_training_images_are_scored_when_asked_for(weights, photos, capsys):
    assert as_json(capsys, [weights, "--data", f"folder:{photos / 'test'}"])["images"] == 13
    assert as_json(capsys, [weights, "--data", f"folder:{photos}", "--split", "train"])["images"] == 36


REFUSED = {
    "no such file": ({"weights": "nowhere.safetensors"}, 4, "nowhere.safetensors"),
    "not weights": ({"weights": "text.safetensors"}, 4, "not a readable safetensors file"),
    "an image": ({"weights": "image.png"}, 4, "no known kind of weights"),
    "weights of another program": ({"weights": "other.safetensors"}, 4, "does not name the model"),
    "the folder of a run": ({"weights": "{run}"}, 4, "weights/best.safetensors"),
    "another data set": ({"--data": "digits"}, 3, "the weights do not know them"),
    "a folder without its scheme": ({"--data": "{photos}"}, 2, "write --data folder:"),
    "no such folder": ({"--data": "folder:nowhere"}, 3, "nowhere"),
    "no such split": ({"--data": "folder:{photos}/test", "--split": "val"}, 3, "leave --split out"),
    "no class folders": ({"--data": "folder:{photos}/test/red"}, 3, "no class folders"),
    "no images a batch": ({"--batch-size": "0"}, 2, "--batch-size 0"),
    "fewer than no workers": ({"--workers": "-1"}, 2, "workers=-1 is below 0"),
    "no such device": ({"--device": "cuda:7"}, 2, "cannot be used"),
    "a misspelt flag": ({"--splt": "val"}, 2, "--split"),
    "no function": ({"--network": "module"}, 2, "MODULE.PATH:FUNCTION"),
    "a table that is a folder": ({"--csv": "."}, 2, "a folder, not a file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said_with_its_exit_code(name, weights, trained, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.safetensors").write_text("text")
    picture("red", 0).save(tmp_path / "image.png")
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    changed, code, said = REFUSED[name]
    asked = {"weights": str(weights), "--data": f"folder:{photos}"} | changed
    first = asked.pop("weights")
    words = [word for pair in asked.items() for word in pair]
    out, err = evaluated(capsys, [word.format(run=trained, photos=photos) for word in (first, *words)], code)
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_every_class_has_precision_recall_and_f1_and_so_have_their_averages(weights, photos, tmp_path, capsys):
    found = as_json(capsys, [weights, "--data", f"folder:{photos}", "--csv", tmp_path / "classes.csv"])
    with (tmp_path / "classes.csv").open() as file:
        written = list(csv.DictReader(file))
    for row, line in zip(found["classes"], written, strict=True):
        assert row["recall"] == row["accuracy"] == pytest.approx(100 * row["correct"] / row["images"])
        assert row["precision"] == pytest.approx(100 * row["correct"] / row["predicted"])
        assert row["f1"] == pytest.approx(200 * row["correct"] / (row["images"] + row["predicted"]))
        assert [float(line[name]) for name in ("precision", "recall", "f1")] == pytest.approx(
            [row["precision"], row["recall"], row["f1"]], abs=1e-4
        )
    assert found["averages"]["weighted"]["recall"] == pytest.approx(found["top1"])


def test_the_report_is_a_page_of_the_same_numbers_with_the_errors_as_pictures(weights, held_out, tmp_path, capsys):
    (held_out / "green" / "0.png").write_bytes(b"")
    arguments = [weights, "--data", f"folder:{held_out}", "--on-error", "skip", "--report", tmp_path / "scores.html"]
    out, _ = evaluated(capsys, arguments)
    assert f"report: {tmp_path / 'scores.html'}" in out
    found, html = as_json(capsys, arguments), (tmp_path / "scores.html").read_text(encoding="utf-8")
    page = Page(html)
    said = " ".join("".join(page.text).split())
    assert f"The network classifies {found['top1']:.2f}% of 12 images correctly." in said
    assert "1 of 13 images could not be read" in said
    assert "images that cannot be read: 1" in said
    (title,) = re.findall("<h1>(.*)</h1>", html)
    assert title == "se_resnet8 with SE(reduction=8) on held_out"
    wrong = found["images"] - sum(row["correct"] for row in found["classes"])
    assert [tag for tag, _ in page.elements].count("img") == wrong > 0
    assert "blue/" in said  # errors are called by their files
    assert page.data().keys() == {"confusion"}


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path, capsys):
    _, err = evaluated(capsys, ["nothing.safetensors", "--data", "digits", "--report", tmp_path], code=2)
    assert str(tmp_path) in err
