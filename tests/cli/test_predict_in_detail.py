import csv
import json
import os

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from shapes import picture, read, write

from senet import create, load_weights
from senet.cli import run
from senet.errors import UsageError
from senet.utils.files import write_text


@pytest.fixture
def inbox(tmp_path):
    """A folder with a folder in it."""
    (tmp_path / "inbox" / "deep" / "er").mkdir(parents=True)
    picture("red", 1).save(tmp_path / "inbox" / "z.png")
    picture("blue", 1).save(tmp_path / "inbox" / "deep" / "er" / "b.png")
    picture("green", 1).save(tmp_path / "inbox" / "deep" / "a.png")
    return tmp_path / "inbox"


def predicted(capsys, arguments, code=0):
    found = run(["predict", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def as_json(capsys, arguments):
    return json.loads(predicted(capsys, [*arguments, "--format", "json"])[0])


def as_csv(capsys, arguments):
    return list(csv.DictReader(predicted(capsys, [*arguments, "--format", "csv"])[0].splitlines()))


def test_probabilities_are_the_softmax_of_the_logits_and_sum_to_one(weights, photos, capsys):
    about, _ = read(weights)
    model = create("se_resnet8", num_classes=3)
    load_weights(model, weights)
    (row,) = as_json(capsys, [weights, photos / "test/green/0.png"])
    pixels = np.asarray(Image.open(photos / "test/green/0.png"), dtype=np.float32) / 255
    said = about["input_transform"]
    x = torch.from_numpy((pixels - said["mean"]) / said["std"]).permute(2, 0, 1)[None].float()
    expected = dict(zip(about["classes"], model.eval()(x).softmax(1)[0].tolist(), strict=True))
    found = {guess["class"]: guess["probability"] for guess in row["guesses"]}
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert sum(found.values()) == pytest.approx(1, abs=1e-6)
    assert list(found) == sorted(expected, key=expected.__getitem__, reverse=True)


def test_a_folder_is_searched_at_any_depth_in_a_stated_order(weights, inbox, capsys):
    (inbox / "notes.txt").write_text("text")
    (inbox / ".hidden.png").write_bytes(b"")
    out, err = predicted(capsys, [weights, inbox, "--format", "json", "--top", 1])
    found = [(row["image"].removeprefix(f"{inbox}/"), row["guesses"][0]["class"]) for row in json.loads(out)]
    assert found == [("deep/a.png", "green"), ("deep/er/b.png", "blue"), ("z.png", "red")]
    assert err.splitlines() == [
        f"note: not used, hidden or tools' own: 1: {inbox}/.hidden.png",
        f"note: not used, not images by their names: 1: {inbox}/notes.txt",
    ]


@pytest.mark.parametrize("top", [1, 2, 3, 1000])
def test_there_are_as_many_guesses_as_asked_for_or_as_there_are_classes(weights, inbox, capsys, monkeypatch, top):
    several = min(top, 3)
    monkeypatch.chdir(inbox.parent)
    assert {len(row["guesses"]) for row in as_json(capsys, [weights, "inbox", "--top", top])} == {several}
    assert len(predicted(capsys, [weights, "inbox", "--top", top])[0].splitlines()) == 1 + 3 * several
    columns = list(as_csv(capsys, [weights, "inbox", "--top", top])[0])
    assert columns == ["image", *(f"{c}_{i}" for i in range(1, several + 1) for c in ("class", "probability")), "error"]


def test_table_csv_and_json_say_the_same(weights, inbox, capsys, monkeypatch):
    monkeypatch.chdir(inbox)
    exact, sheet = as_json(capsys, [weights, "."]), as_csv(capsys, [weights, "."])
    lines = predicted(capsys, [weights, "."])[0].splitlines()[1:]
    for row, cells, shown in zip(exact, sheet, lines[::3], strict=True):
        likeliest = row["guesses"][0]
        assert (cells["image"], cells["class_1"], cells["error"]) == (row["image"], likeliest["class"], "")
        assert float(cells["probability_1"]) == pytest.approx(likeliest["probability"], abs=1e-6)
        assert f"{likeliest['class']}  " in shown
        assert shown.endswith(f"{likeliest['probability']:.2%}")


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_file_gets_what_would_have_been_printed(weights, inbox, tmp_path, capsys, form):
    printed, _ = predicted(capsys, [weights, inbox, "--format", form])
    out, _ = predicted(capsys, [weights, inbox, "--format", form, "--out", tmp_path / "guesses"])
    assert out == ""
    assert (tmp_path / "guesses").read_text() == printed


def test_a_pipe_or_a_device_is_never_replaced_by_a_file(weights, inbox, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    _, err = predicted(capsys, [weights, inbox, "--out", tmp_path / "pipe"], code=2)
    assert "a device or a pipe, not a file" in err
    assert (tmp_path / "pipe").is_fifo()
    with pytest.raises(UsageError, match="not a file"):
        write_text(tmp_path / "pipe", "x")
    assert (tmp_path / "pipe").is_fifo()


def test_row_05_every_mode_is_read_as_training_reads_it(weights, tmp_path, capsys):
    colour, grey = picture("red", 7), picture("red", 7).convert("L")
    sixteen = np.asarray(grey).astype(np.uint16) * 257
    zoo = {"a.png": colour, "cmyk.tif": colour.convert("CMYK"), "rgba.png": colour.convert("RGBA")}
    zoo |= {"palette.png": colour.quantize(256), "grey.png": grey, "grey_16.png": Image.fromarray(sixteen)}
    (tmp_path / "zoo").mkdir()
    for name, image in zoo.items():
        image.save(tmp_path / "zoo" / name)
    # One image a batch: equal pixels give equal bits only in the same place of batches of one size.
    rows = as_json(capsys, [weights, tmp_path / "zoo", "--batch-size", 1])
    found = {row["image"].rpartition("/")[2]: row["guesses"] for row in rows}
    assert set(found) == set(zoo)
    assert found["rgba.png"] == found["a.png"]
    assert found["palette.png"] == found["a.png"]
    assert found["grey_16.png"] == found["grey.png"]  # scaled, not clipped
    colour, grey = ({guess["class"]: guess["probability"] for guess in found[name]} for name in ("a.png", "grey.png"))
    assert grey != pytest.approx(colour, abs=1e-3)
    assert found["cmyk.tif"][0]["class"] == "red"


def test_row_03_an_image_that_cannot_be_read_is_named_and_ends_with_3(weights, inbox, capsys):
    (inbox / "page.jpg").write_bytes(b"<html>not here</html>")
    _, err = predicted(capsys, [weights, inbox], code=3)
    assert "not an image but an HTML page" in err
    assert f"{inbox}/page.jpg" in err
    assert "--on-error skip" in err


def test_row_03_a_skipped_image_has_a_row_that_says_why_and_the_others_are_as_they_were(weights, inbox, capsys):
    before = as_json(capsys, [weights, inbox])
    (inbox / "page.jpg").write_bytes(b"<html>not here</html>")
    arguments = [weights, inbox, "--on-error", "skip"]
    found = as_json(capsys, arguments)
    (broken,) = [row for row in found if "error" in row]
    assert broken == {"image": f"{inbox}/page.jpg", "error": "not an image but an HTML page"}
    assert [row["image"] for row in found if row != broken] == [row["image"] for row in before]
    for row, again in zip(before, (row for row in found if row != broken), strict=True):
        assert [guess["class"] for guess in again["guesses"]] == [guess["class"] for guess in row["guesses"]]
    sheet = as_csv(capsys, arguments)
    assert [row["error"] for row in sheet] == ["", "", "not an image but an HTML page", ""]
    out, err = predicted(capsys, arguments)
    assert "! not an image but an HTML page" in out
    assert "1 of 4 images could not be read" in err


HOSTILE = ["[red]a.png", "line\nend.png", 'comma,"quote".png', "\x1b[31mred.png", "=1+1.png", "-dash.png", "%s.png"]


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    (tmp_path / "hostile").mkdir()
    for name in HOSTILE:
        picture("red", 3).save(tmp_path / "hostile" / name)
    monkeypatch.chdir(tmp_path / "hostile")


def test_row_16_hostile_names_stay_text_in_a_table(weights, hostile, capsys):
    out, _ = predicted(capsys, [weights, "--top", 1, "--", *HOSTILE])
    shown = ["[red]a.png", r"line\nend.png", 'comma,"quote".png', r"\x1b[31mred.png", "=1+1.png", "-dash.png", "%s.png"]
    assert [line.rsplit(maxsplit=2)[0] for line in out.splitlines()[1:]] == shown
    assert "\x1b" not in out


def test_row_16_hostile_names_are_one_cell_each_and_no_formula_in_csv(weights, hostile, capsys):
    found = predicted(capsys, [weights, "--top", 1, "--format", "csv", "--", *HOSTILE])[0]
    rows = list(csv.DictReader(found.splitlines()))
    shown = [r"\x1b[31mred.png", "%s.png", "'-dash.png", "'=1+1.png", "[red]a.png", 'comma,"quote".png']
    assert sorted(row["image"] for row in rows) == sorted([*shown, r"line\nend.png"])
    assert {row["class_1"] for row in rows} == {"red"}


def test_row_15_json_has_the_names_as_they_are(weights, hostile, capsys):
    found = json.loads(predicted(capsys, [weights, "--format", "json", "--", *HOSTILE])[0])
    assert [row["image"] for row in found] == HOSTILE


def test_row_16_a_broken_image_of_a_hostile_name_is_named_without_codes(weights, tmp_path, capsys):
    (tmp_path / "\x1b[31mbroken.png").write_bytes(b"")
    _, err = predicted(capsys, [weights, tmp_path / "\x1b[31mbroken.png"], code=3)
    assert r"\x1b[31mbroken.png" in err
    assert "\x1b" not in err


def test_weights_without_a_class_map_number_their_outputs_and_say_so(weights, inbox, tmp_path, capsys):
    about, tensors = read(weights)
    names = about.pop("classes")
    bare = write(tmp_path / "bare.safetensors", about, tensors)
    out, err = predicted(capsys, [bare, inbox, "--top", 1, "--format", "csv"])
    assert [row["class_1"] for row in csv.DictReader(out.splitlines())] == ["1", "0", "2"]
    assert "outputs are numbered; --classes FILE names them" in err
    (tmp_path / "names.json").write_text(json.dumps({n: {"index": i, "name": n * 2} for i, n in enumerate(names)}))
    found = as_csv(capsys, [bare, inbox, "--top", 1, "--classes", tmp_path / "names.json"])
    assert [(row["class_1"], row["title_1"]) for row in found] == [
        ("green", "greengreen"),
        ("blue", "blueblue"),
        ("red", "redred"),
    ]


def test_a_network_of_the_users_is_found_in_the_current_folder(inbox, tmp_path, capsys, monkeypatch):
    (tmp_path / "pooled_colours.py").write_text(
        "import torch\n"
        "def net():\n"
        "    pool = torch.nn.AdaptiveAvgPool2d(1)\n"
        "    return torch.nn.Sequential(pool, torch.nn.Flatten(), torch.nn.Linear(3, 2))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    save_file({"2.weight": torch.zeros(2, 3), "2.bias": torch.tensor([0.0, 1.0])}, tmp_path / "w.safetensors")
    out, err = predicted(capsys, ["w.safetensors", inbox, "--network", "pooled_colours:net", "--format", "json"])
    assert [row["guesses"][0]["output"] for row in json.loads(out)] == [1, 1, 1]
    assert json.loads(out)[0]["guesses"][0]["probability"] == pytest.approx(0.731059, abs=1e-6)
    assert "ImageNet's mean and deviation are assumed" in err


REFUSED = {
    "no images": (["{weights}"], 2, "name files or folders after the weights"),
    "nothing there": (["{weights}", "nowhere.jpg"], 3, "no such image or folder"),
    "a folder without images": (["{weights}", "empty"], 3, "no images in the folder"),
    "no such weights": (["nowhere.safetensors", "{inbox}"], 4, "nowhere.safetensors"),
    "not weights": (["text.safetensors", "{inbox}"], 4, "not a readable safetensors file"),
    "an image first": (["{inbox}/z.png", "{weights}"], 4, "no known kind of weights"),
    "weights of another program": (["other.safetensors", "{inbox}"], 4, "does not name the model"),
    "another network": (["{weights}", "{inbox}", "--network", "resnet20"], 4, "missing"),
    "no guesses": (["{weights}", "{inbox}", "--top", "0"], 2, "--top 0 is below 1"),
    "no images a batch": (["{weights}", "{inbox}", "--batch-size", "0"], 2, "--batch-size 0"),
    "fewer than no workers": (["{weights}", "{inbox}", "--workers", "-1"], 2, "workers=-1 is below 0"),
    "another format": (["{weights}", "{inbox}", "--format", "xml"], 2, "json"),
    "no file of classes": (["{weights}", "{inbox}", "--classes", "nowhere.json"], 3, "nowhere.json"),
    "a file for a network": (["{weights}", "{inbox}", "--network", "{weights}"], 2, "name it: --network se_resnet8"),
    "a folder as output": (["{weights}", "{inbox}", "--out", "empty"], 2, "a folder, not a file\nempty"),
    "a file as a folder": (["{weights}", "{inbox}", "--out", "text.safetensors/x"], 6, "cannot write"),
    "a name that is too long": (["{weights}", "a" * 300], 6, "File name too long"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said_with_its_exit_code(name, weights, inbox, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.safetensors").write_text("text")
    (tmp_path / "empty").mkdir()
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    arguments, code, said = REFUSED[name]
    out, err = predicted(capsys, [word.format(weights=weights, inbox=inbox) for word in arguments], code)
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_a_path_that_is_wider_than_the_table_is_never_cut(weights, tmp_path, capsys):
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    picture("red", 1).save(folder / "a.png")
    out, _ = predicted(capsys, [weights, folder, "--top", 1])
    _, path, guess = out.splitlines()
    assert path == str(folder / "a.png")
    assert guess.split()[0] == "red"
