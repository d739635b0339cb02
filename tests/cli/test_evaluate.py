import csv
import itertools
import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from senet import create
from senet.cli import run


def evaluated(capsys, arguments, code=0):
    capsys.readouterr()  # what training said
    assert run(["evaluate", *map(str, arguments)]) == code
    return capsys.readouterr()


def result(capsys, arguments):
    return json.loads(evaluated(capsys, [*arguments, "--json"]).out)


def by_class(found):
    return {row["name"]: row["accuracy"] for row in found["classes"]}


def test_the_weights_file_alone_gives_the_score_that_training_gave(trained_run, weights_here, photos_here, capsys):
    found = result(capsys, [weights_here, "--data", f"folder:{photos_here}"])
    said = json.loads((trained_run[0] / "result.json").read_text())["test"]
    assert (found["top1"], found["images"]) == (said["top1"], said["images"]) == (found["top1"], 12)
    assert found["loss"] == pytest.approx(said["loss"], abs=1e-6)
    assert found["top5"] is None, "it says nothing among three classes"


@pytest.mark.parametrize("split", ["test", "val"])
def test_photographs_that_are_not_square_are_scored_on_the_pixels_of_training(split, tmp_path, capsys):
    """Kept in memory as 16 x 16; the file of weights says how a file becomes that."""
    sizes, root = [(37, 23), (50, 31), (23, 40)], tmp_path / "photos"
    for part, label, i in itertools.product(("train", "val", "test"), range(2), range(6)):
        (root / part / "ab"[label]).mkdir(parents=True, exist_ok=True)
        noise = torch.randint(0, 256, (*sizes[i % 3], 3), generator=torch.Generator().manual_seed(label + 10 * i))
        Image.fromarray(noise.to(torch.uint8).numpy()).save(root / part / "ab"[label] / f"{i}.png")
    words = ["--network", "resnet8", "--data", f"folder:{root}", "--image-size", "16", "--in-memory", "yes"]
    quick = ["--epochs", "1", "--batch-size", "4", "--threads", "1", "--precision", "float32", "--lr", "0.01"]
    assert run(["train", *words, *quick, "--out", str(tmp_path / "run")]) == 0
    found = result(capsys, [tmp_path / "run/weights/last.safetensors", "--data", f"folder:{root}", "--split", split])
    said = json.loads((tmp_path / "run" / "result.json").read_text())
    if split == "test":
        assert (found["top1"], found["loss"]) == (said["test"]["top1"], pytest.approx(said["test"]["loss"], abs=1e-6))
    else:
        assert found["top1"] == said["best"]["validation_top1"]
        assert found["loss"] == pytest.approx(said["best"]["validation_loss"], abs=1e-6)


def test_the_score_is_that_of_a_plain_loop(weights_here, photos_here, capsys):
    found = result(capsys, [weights_here, "--data", f"folder:{photos_here}", "--split", "train", "--workers", "1"])
    said = found["input_transform"]
    model = create("resnet8", num_classes=3)
    model.load_state_dict(load_file(weights_here))
    hits = 0
    for label, name in enumerate(("cat", "dog", "owl")):
        for path in (photos_here / "train" / name).iterdir():
            pixels = torch.frombuffer(bytearray(Image.open(path).tobytes()), dtype=torch.uint8)
            x = pixels.reshape(36, 40, 3).permute(2, 0, 1) / 255
            x = (x - torch.tensor(said["mean"])[:, None, None]) / torch.tensor(said["std"])[:, None, None]
            hits += int(model.eval()(x[None]).argmax() == label)
    assert said["size"] == [36, 40]
    assert found["top1"] == pytest.approx(100 * hits / 24)


def test_row_08_classes_go_by_name_where_folders_sort_otherwise(weights_here, photos_here, capsys):
    before = by_class(result(capsys, [weights_here, "--data", f"folder:{photos_here}"]))
    (photos_here / "test" / "cat").rename(photos_here / "test" / "x")
    (photos_here / "test" / "owl").rename(photos_here / "test" / "cat")
    (photos_here / "test" / "x").rename(photos_here / "test" / "owl")
    after = by_class(result(capsys, [weights_here, "--data", f"folder:{photos_here}"]))
    assert before["dog"] == after["dog"] == 100
    assert after["cat"] == after["owl"] == 0, "their images were exchanged"


def test_a_class_without_images_has_no_accuracy(weights_here, photos_here, capsys):
    for path in (photos_here / "test" / "dog").iterdir():
        path.unlink()
    (photos_here / "test" / "dog").rmdir()
    out, err = evaluated(capsys, [weights_here, "--data", f"folder:{photos_here}"])
    assert "n/a" in next(line for line in out.splitlines() if "dog" in line)
    assert "dog" in err


def test_an_unknown_class_is_an_error_unless_it_is_to_be_ignored(weights_here, photos_here, capsys):
    (photos_here / "test" / "cow").mkdir()
    (photos_here / "test" / "cat" / "0.png").rename(photos_here / "test" / "cow" / "0.png")
    _, err = evaluated(capsys, [weights_here, "--data", f"folder:{photos_here}"], code=3)
    assert "'cow'" in err
    assert "--ignore-unknown" in err
    assert result(capsys, [weights_here, "--data", f"folder:{photos_here}", "--ignore-unknown"])["images"] == 11


def test_tables_for_reading_and_a_file_of_classes(weights_here, photos_here, capsys):
    out, _ = evaluated(capsys, [weights_here, "--data", f"folder:{photos_here}", "--csv", "classes.csv"])
    assert "resnet8" in out
    assert "top-1" in out
    with open("classes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["cat", "dog", "owl"]
    assert [row["images"] for row in rows] == ["4", "4", "4"]


def test_an_image_that_cannot_be_read_is_named_or_left_out_and_counted(weights_here, photos_here, capsys):
    (photos_here / "test" / "cat" / "0.png").write_bytes(b"not a picture")
    _, err = evaluated(capsys, [weights_here, "--data", f"folder:{photos_here}"], code=3)
    assert "cat/0.png" in err
    found = result(capsys, [weights_here, "--data", f"folder:{photos_here}", "--on-error", "skip"])
    assert (found["images"], found["images_in_all"]) == (11, 12)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no weights", b"{}"])
def test_a_file_that_is_no_weights_is_said(weights_here, photos_here, content, tmp_path, capsys):
    (tmp_path / "other.safetensors").write_bytes(content)
    _, err = evaluated(capsys, ["other.safetensors", "--data", f"folder:{photos_here}"], code=4)
    assert err.startswith("error: ")
    assert "other.safetensors" in err


def test_weights_of_another_program_need_their_network_and_their_classes(weights_here, photos_here, capsys):
    save_file(load_file(weights_here), "bare.safetensors")
    _, err = evaluated(capsys, ["bare.safetensors", "--data", f"folder:{photos_here}"], code=4)
    assert "--network" in err
    with open("names.json", "w") as file:
        json.dump(["cat", "dog", "owl"], file)
    words = ["--network", "resnet8", "--classes", "names.json"]
    _, err = evaluated(capsys, ["bare.safetensors", "--data", f"folder:{photos_here}", *words], code=0)
    assert "ImageNet's mean and deviation are assumed" in err


def test_data_of_a_name_and_bad_requests(weights_here, photos_here, capsys):
    assert "mnist" in evaluated(capsys, [weights_here, "--data", "fashion-mnst"], code=2).err
    assert "no such folder" in evaluated(capsys, [weights_here, "--data", "folder:nowhere"], code=3).err
    words = [weights_here, "--data", f"folder:{photos_here}"]
    assert "below 1" in evaluated(capsys, [*words, "--batch-size", "0"], code=2).err
    assert "cannot" in evaluated(capsys, [*words, "--csv", "w.safetensors/a.csv"], code=6).err
