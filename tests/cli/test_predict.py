import csv
import io
import json

import pytest
from pictures import picture
from PIL import Image
from safetensors.torch import load_file, save_file

from senet.cli import run


def predicted(capsys, arguments, code=0):
    capsys.readouterr()  # what training said
    assert run(["predict", *map(str, arguments)]) == code
    return capsys.readouterr()


def rows(capsys, arguments):
    return json.loads(predicted(capsys, [*arguments, "--format", "json"]).out)


def first(row):
    return row["guesses"][0]["class"]


def test_one_image_by_the_weights_file_alone(weights_here, photos_here, capsys):
    [row] = rows(capsys, [weights_here, photos_here / "test/dog/1.png"])
    assert first(row) == "dog"
    assert sum(guess["probability"] for guess in row["guesses"]) == pytest.approx(1)
    assert sorted(guess["class"] for guess in row["guesses"]) == ["cat", "dog", "owl"], "five are asked for, three are"


def test_a_folder_is_searched_at_any_depth_in_order(weights_here, photos_here, capsys):
    found = rows(capsys, [weights_here, photos_here / "test", "--top", "1", "--workers", "1"])
    assert [row["image"] for row in found] == sorted(map(str, (photos_here / "test").rglob("*.png")))
    assert all(first(row) == row["image"].split("/")[-2] for row in found)
    assert all(len(row["guesses"]) == 1 for row in found)


def test_a_table_has_a_line_for_each_guess(weights_here, photos_here, capsys):
    out = predicted(capsys, [weights_here, "photos/test/owl/0.png", "--top", "2"]).out.splitlines()
    assert out[0].split() == ["image", "class", "probability"]
    assert out[1].split()[:2] == ["photos/test/owl/0.png", "owl"]
    assert len(out) == 3


def test_csv_goes_to_a_file_and_names_are_only_text(weights_here, photos_here, capsys):
    name = 'a, "b" [red]=1+1\n.png'
    picture(0, 3).save(photos_here / "test" / name)
    picture(1, 3).save(photos_here / "test" / "=cmd.png")
    predicted(capsys, [weights_here, "photos/test", "--format", "csv", "--out", "guesses.csv"])
    with open("guesses.csv", newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 14
    assert sum("[red]" in row["image"] for row in read) == 1
    assert not [row for row in read if row["image"].startswith("=")]
    assert all(abs(sum(float(row[f"probability_{i}"]) for i in (1, 2, 3)) - 1) < 1e-5 for row in read)


def test_hostile_names_are_spelt_out_in_a_table(weights_here, tmp_path, capsys):
    picture(0, 3).save(tmp_path / "x\x1b[31m\ny.png")
    out = predicted(capsys, [weights_here, tmp_path / "x\x1b[31m\ny.png"]).out
    assert "\x1b" not in out
    assert r"\n" in out


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1", "LA"])
def test_row_05_images_of_other_modes_are_taken_for_what_they_show(weights_here, tmp_path, mode, capsys):
    suffix = "tif" if mode == "CMYK" else "png"
    picture(2, 5).convert(mode).save(tmp_path / f"image.{suffix}")
    [row] = rows(capsys, [weights_here, f"image.{suffix}"])
    assert len(row["guesses"]) == 3
    if mode in ("CMYK", "RGBA", "P"):
        assert first(row) == "owl"


def test_an_image_that_cannot_be_read_is_an_error_or_a_row(weights_here, photos_here, capsys):
    (photos_here / "test/cat/1.png").write_bytes(b"\x89PNG and no more")
    _, err = predicted(capsys, [weights_here, photos_here / "test/cat"], code=3)
    assert "cat/1.png" in err
    out, err = predicted(capsys, [weights_here, photos_here / "test/cat", "--on-error", "skip", "--format", "json"])
    assert [("error" in row) for row in json.loads(out)] == [False, True, False, False]
    assert "1 of 4 images could not be read" in err


def test_nothing_to_look_at_is_said(weights_here, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "no images in the folder" in predicted(capsys, [weights_here, "empty"], code=3).err
    assert "no such image" in predicted(capsys, [weights_here, "gone.png"], code=3).err
    assert "no images are given" in predicted(capsys, [weights_here], code=2).err
    assert "below 1" in predicted(capsys, [weights_here, "empty", "--top", "0"], code=2).err


def test_outputs_without_names_are_numbered(weights_here, photos_here, capsys):
    save_file(load_file(weights_here), "bare.safetensors")
    words = ["bare.safetensors", "photos/test/cat/0.png", "--network", "resnet8"]
    out, err = predicted(capsys, [*words, "--format", "csv", "--top", "1"])
    assert "outputs are numbered" in err
    [row] = csv.DictReader(io.StringIO(out))
    assert row["class_1"] in ("0", "1", "2")


def test_a_file_that_cannot_be_written_is_said_before_the_weights_are_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("a.png")
    assert "a.png" in predicted(capsys, ["no.safetensors", "a.png", "--out", "a.png/out.csv"], code=6).err
