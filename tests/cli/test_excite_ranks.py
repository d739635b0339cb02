# senet excite as several processes: the numbers and files of one, once.
import csv
import json

import pytest
import torch
from pictures import picture

from launching import ended, torchrun
from senet import create, save_weights
from senet.cli import run

pytestmark = pytest.mark.xdist_group("ranks")

CLASSES = ("cat", "dog", "owl")
TRANSFORM = {"size": [36, 40], "resize": 36, "mean": [0.5] * 3, "std": [0.25] * 3}


@pytest.fixture
def words(tmp_path):
    """21 images, of which the ranks have 12 and 9, and weights that nobody trained."""
    torch.manual_seed(0)
    about = {"classes": list(CLASSES), "input_transform": TRANSFORM}
    save_weights(create("se_resnet8", num_classes=3), tmp_path / "w.safetensors", about=about)
    for label, name in enumerate(CLASSES):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(7):
            picture(label, 10 * i + label).save(tmp_path / "photos" / name / f"{i}.png")
    return ["excite", str(tmp_path / "w.safetensors"), "--data", f"folder:{tmp_path / 'photos'}", "--batch-size", "4"]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def require_alike(one, two):
    """Every cell is the same text, or the same number but for rounding."""
    assert len(one) == len(two) > 0
    for row, other in zip(one, two, strict=True):
        assert row.keys() == other.keys()
        for key, cell in row.items():
            assert other[key] == cell or float(other[key]) == pytest.approx(float(cell), rel=1e-4, abs=1e-5), key


def of_two(*asked, code=0):
    found, said = ended(torchrun(2, "-m", "senet", *asked))
    assert (found == 0) == (code == 0), said
    return said


@pytest.mark.slow
def test_two_ranks_find_and_write_what_one_process_does(words, tmp_path, capsys):
    (tmp_path / "photos" / "owl" / "7.png").write_bytes(b"")  # the 22nd
    words = [*words, "--on-error", "skip", "--json", "--out"]
    said = of_two(*words, tmp_path / "two").splitlines()
    capsys.readouterr()
    assert run([*words, str(tmp_path / "one")]) == 0
    one = json.loads(capsys.readouterr().out)
    [two] = [json.loads(line) for line in said if line.startswith("{")]
    assert sum("left out: owl/7.png" in line for line in said) == 1
    for name in ("gates.csv", "values.csv"):
        require_alike(rows(tmp_path / "one" / name), rows(tmp_path / "two" / name))
    for gate, other in zip(one["gates"], two["gates"], strict=True):
        assert (gate["most"], gate["least"]) == (other["most"], other["least"])
    assert {key: one[key] for key in ("classes", "groups", "unreadable", "images", "labels", "bytes")} == {
        key: two[key] for key in ("classes", "groups", "unreadable", "images", "labels", "bytes")
    }


@pytest.mark.slow
def test_one_image_on_two_ranks(words, tmp_path, capsys):
    for path in sorted((tmp_path / "photos").rglob("*.png"))[1:]:
        path.unlink()
    of_two(*words, "--out", tmp_path / "two")
    assert run([*words, "--out", str(tmp_path / "one")]) == 0
    require_alike(rows(tmp_path / "one" / "values.csv"), rows(tmp_path / "two" / "values.csv"))


@pytest.mark.slow
def test_a_network_without_gates_is_refused(words, tmp_path):
    words[1] = "resnet8"
    said = of_two(*words, "--out", tmp_path / "two", code=2)
    assert "error: Network has no gate: nothing in it multiplies the feature map from which it was computed\n" in said
    assert '--attention "SE(reduction=8)" adds attention' in said
    assert not (tmp_path / "two").exists()


@pytest.mark.slow
def test_a_network_by_its_name_is_the_same_on_every_rank(words, tmp_path, capsys):
    words[1] = "timm:test_resnet"
    words += ["--attention", "SE(reduction=4)"]
    of_two(*words, "--out", tmp_path / "two")
    assert run([*words, "--out", str(tmp_path / "one")]) == 0
    require_alike(rows(tmp_path / "one" / "gates.csv"), rows(tmp_path / "two" / "gates.csv"))
