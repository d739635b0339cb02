# senet excite of images and networks that are odd: what it counts, leaves out, and refuses.
import math
import tarfile
from io import BytesIO

import numpy as np
import pytest
from exciting import as_json, excited, rows
from PIL import Image
from shapes import picture


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder, entered."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_row_84_a_class_without_images_and_one_image_have_no_numbers(weights, capsys, tmp_path):
    copied(tmp_path / "some", {"blue": 1, "green": 1, "red": 1})
    for name in ("green", "red"):
        (tmp_path / "some" / name / "0.png").write_bytes(b"text")
    where = ["--data", f"folder:{tmp_path / 'some'}", "--on-error", "skip"]
    words = [weights, *where, "--classes", "blue", "red", "--out", tmp_path / "out"]
    out, err = excited(capsys, *words)
    said = " ".join(out.split())
    assert ": 1 image of 3 classes, 2 of them without images; 2 images left out; shown: blue, red " in said
    assert err.count("left out: ") == 2
    assert {(row["images"], row["mean"], row["deviation"]) for row in of_group(tmp_path / "out", "red")} == {
        ("0", "n/a", "n/a")
    }
    assert {row["deviation"] for row in of_group(tmp_path / "out", "blue")} == {"n/a"}
    assert {row["specificity"] for row in rows(tmp_path / "out" / "gates.csv")} == {"n/a"}
    found = as_json(capsys, *words)
    assert found["gates"][0]["specificity"] == {"value": None, "low": None, "high": None}
    assert not math.isnan(found["gates"][0]["mean"])


def copied(root, counts):
    """Make class folders with so many pictures each."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            picture("blue", f"{name} {i}").save(root / name / f"{i}.png")


def of_group(folder, name):
    return [row for row in rows(folder / "values.csv") if row["group"] == name]


def test_an_image_that_cannot_be_read_ends_it_or_is_counted(weights, capsys, tmp_path):
    copied(tmp_path / "some", {"blue": 2, "red": 2})
    (tmp_path / "some" / "red" / "1.png").write_bytes(b"text")
    words = [weights, "--data", f"folder:{tmp_path / 'some'}", "--out", tmp_path / "out"]
    _, err = excited(capsys, *words, code=3)
    assert "red/1.png" in err
    assert not (tmp_path / "out").exists()
    out, err = excited(capsys, *words, "--on-error", "skip")
    assert ": 3 images of 2 classes; 1 image left out; shown: blue, red " in " ".join(out.split())
    assert err.count("left out: red/1.png") == 1
    for name in ("blue/0", "blue/1", "red/0"):
        (tmp_path / "some" / f"{name}.png").write_bytes(b"text")
    _, err = excited(capsys, *words, "--on-error", "skip", code=3)
    assert "error: no image can be read\n" in err


NAN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.fc, self.head = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        u = self.stem(x)
        s = torch.sigmoid(self.fc(u.mean((2, 3))))
        bright = (x[:, 2] - x[:, 0]).mean((1, 2)) > 1
        s = torch.where(bright[:, None], torch.full_like(s, float("nan")), s)
        return self.head((u * s[:, :, None, None]).mean((2, 3)))

def net():
    torch.manual_seed(0)
    return Net()

def compiled():
    return torch.compile(net(), backend="eager")
"""


@pytest.fixture
def odd(tmp_path):
    """Functions, beside class folders of which one has pictures that no gate survives."""
    (tmp_path / "here" / "odd.py").write_text(NAN)
    for name, colour in (("dull", (200, 10, 10)), ("bright", (0, 0, 250))):
        (tmp_path / "odd" / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (24, 24), tuple(value + i for value in colour)).save(tmp_path / "odd" / name / f"{i}.png")
    return f"folder:{tmp_path / 'odd'}"


@pytest.mark.parametrize("batch", [1, 4])
def test_row_84_images_whose_gates_are_no_numbers_are_counted_and_left_out(batch, odd, capsys):
    out, _ = excited(capsys, "odd.py:net", "--data", odd, "--batch-size", batch, "--out", "out")
    [gate] = as_json(capsys, "odd.py:net", "--data", odd)["gates"]
    assert gate["not_finite"] == 3
    assert [profile["images"] for profile in gate["profiles"]] == [3, 0, 3]
    assert 0 < gate["mean"] < 1
    assert "Left out, with NaN or infinite values: 3 images in " in out


MIXED = """
from senet import SE, SK, create, insert

def net():
    return insert(create("resnet8", num_classes=3, attention=SK(groups=1)), SE(reduction=4), again=True)
"""


def test_row_84_gates_over_branches_keep_apart_from_gates_over_channels(photos, capsys, tmp_path):
    (tmp_path / "here" / "mixed.py").write_text(MIXED)
    found = as_json(capsys, "mixed.py:net", "--data", f"folder:{photos}")
    kinds = {gate["name"]: gate["kind"] for gate in found["gates"]}
    assert sorted(kinds.values()) == ["branches"] * 3 + ["channels"] * 3
    for gate in found["gates"]:
        mean = np.reshape(gate["profiles"][0]["mean"], gate["shape"])
        assert (gate["low"], gate["high"]) == (0, 1)
        assert np.allclose(mean.sum(0), 1) == (gate["kind"] == "branches")
    assert {one["name"] for one in found["preferences"]} == {name for name in kinds if kinds[name] == "branches"}


def test_row_83_a_compiled_network_is_refused_with_what_to_name(odd, capsys, tmp_path):
    _, err = excited(capsys, "odd.py:compiled", "--data", odd, "--out", "out", code=2)
    assert "error: the model is compiled, and a compiled forward runs no hook" in err
    assert err.endswith("name a function that returns the network as it was before\n")
    assert not (tmp_path / "here" / "out").exists()
    assert as_json(capsys, "odd.py:net", "--data", odd)["gates"]


def test_names_of_strangers_are_text(weights, capsys, tmp_path):
    names = ("=1+1", "[red]x[", "\x1b[31m", "all")
    copied(tmp_path / "some", dict.fromkeys(names, 1))
    words = [weights, "--data", f"folder:{tmp_path / 'some'}", "--out", tmp_path / "out", "--classes", *names]
    out, _ = excited(capsys, *words)
    assert "; shown: =1+1, [red]x[, \\x1b[31m, all " in " ".join(out.split())
    groups = dict.fromkeys(row["group"] for row in rows(tmp_path / "out" / "values.csv"))
    assert list(groups) == ["all images", "'=1+1", "[red]x[", "\\x1b[31m", "all"]
    assert "<script>x" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_thousand_classes(capsys, tmp_path):
    (tmp_path / "tars").mkdir()
    with tarfile.open(tmp_path / "tars" / "test-00000.tar", "w") as archive:
        for number in range(0, 2000, 2):  # with gaps
            content = BytesIO()
            picture("blue" if number < 1000 else "red", "one").resize((8, 8)).save(content, "png")
            for ending, data in (("png", content.getvalue()), ("cls", str(number).encode())):
                info = tarfile.TarInfo(f"{number:04}.{ending}")
                info.size = len(data)
                archive.addfile(info, BytesIO(data))
    words = ["se_resnet8", "--data", f"shards:{tmp_path / 'tars'}", "--batch-size", 500]
    found = as_json(capsys, *words, "--classes", "1998", "2")
    assert len(found["classes"]) == 1000
    assert [group["name"] for group in found["classes"]] == [str(number) for number in range(0, 2000, 2)]
    assert [(group["name"], group["images"]) for group in found["groups"]] == [("all", 1000), ("1998", 1), ("2", 1)]
    _, err = excited(capsys, *words, "--classes", "1", "--out", "wrong", code=2)
    assert len(err.splitlines()[-1]) < 1000
