# senet excite: the table and the files hold what a plain loop over the images finds; what it says of odd ones.
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from exciting import as_json, excited, rows
from PIL import Image
from shapes import COLOURS, read

from senet import create, load_weights

GATES = ("stage2.0.attention", "stage3.0.attention", "stage4.0.attention")
FILES = {"report.html", "gates.csv", "values.csv"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder, entered."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def by_hand(path, folder):
    """Return, by gate, block.weights of what each block is given: (N, C) of the images, class by class."""
    said = read(path)[0]["input_transform"]
    model = create("se_resnet8", num_classes=3)
    load_weights(model.eval(), path)
    given, found = {}, {name: [] for name in GATES}
    for name in GATES:
        branch = model.get_submodule(name.replace("attention", "branch"))
        branch.register_forward_hook(lambda _, args, u, name=name: given.update({name: u.clone()}))
    for file in (file for colour in COLOURS for file in sorted((folder / colour).iterdir())):
        pixels = np.asarray(Image.open(file), dtype=np.float32) / 255
        x = torch.from_numpy((pixels - said["mean"]) / said["std"]).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            model(x)
            for name in GATES:
                found[name].append(model.get_submodule(name).weights(given[name])[0, :, 0, 0])
    return {name: torch.stack(values).double().numpy() for name, values in found.items()}


def test_the_tables_hold_what_a_plain_loop_over_the_images_finds(weights, photos, tmp_path, capsys):
    excited(capsys, weights, "--data", f"folder:{photos}", "--out", tmp_path / "out", "--batch-size", 4)
    expected, counts = by_hand(weights, photos / "test"), {"all": 13, "blue": 5, "green": 4, "red": 4}
    groups = dict(zip(counts, (slice(0, 13), slice(0, 5), slice(5, 9), slice(9, 13)), strict=True))
    assert [row["gate"] for row in rows(tmp_path / "out" / "gates.csv")] == list(GATES)
    for row in rows(tmp_path / "out" / "gates.csv"):
        values = expected[row["gate"]]
        ends = (values < 0.01).mean(), (values > 0.99).mean()
        assert (row["weighs"], int(row["values"]), row["not_finite"]) == ("channels", values.shape[1], "0")
        assert float(row["mean"]) == pytest.approx(values.mean(), rel=1e-4)
        assert [float(row[f"saturated_{end}"]) for end in ("low", "high")] == pytest.approx(ends, abs=1e-5)
    found = rows(tmp_path / "out" / "values.csv")
    assert len(found) == 4 * sum(values.shape[1] for values in expected.values())
    for row in found:
        values = expected[row["gate"]][groups[row["group"]], int(row["value"])]
        assert int(row["images"]) == counts[row["group"]]
        assert float(row["mean"]) == pytest.approx(values.mean(), rel=1e-4)
        assert float(row["deviation"]) == pytest.approx(values.std(ddof=1), rel=1e-3, abs=1e-6)
        low, high = (np.quantile(values, 0.95, method=side) for side in ("lower", "higher"))
        assert low - 1 / 64 <= float(row["quantile_0.95"]) <= high + 1 / 64


def test_the_table_says_what_the_files_do_and_names_them(weights, photos, capsys, tmp_path):
    out, err = excited(capsys, weights, "--data", f"folder:{photos}", "--out", "out", "--figures", "figures")
    assert out.startswith(f"se_resnet8 with SE(reduction=8): {weights}\n")
    assert f"folder:{photos}, test: 13 images of 3 classes; shown: blue, green, red " in " ".join(out.split())
    for row in rows(tmp_path / "here" / "out" / "gates.csv"):
        line = next(line.split() for line in out.splitlines() if line.split()[:1] == [row["gate"]])
        assert float(line[1]) == pytest.approx(float(row["mean"]), abs=6e-4)
        assert float(line[3].removesuffix("%")) == pytest.approx(100 * float(row["specificity"]), abs=0.06)
    assert all(f": out/{name}\n" in out for name in FILES)
    drawn = [path.suffix for path in (tmp_path / "here" / "figures").iterdir()]
    assert drawn.count(".svg") == drawn.count(".pdf") == len(drawn) / 2
    assert f"{len(drawn) // 2} figures, SVG and PDF: figures\n" in out
    assert {path.name for path in (tmp_path / "here" / "out").iterdir()} == FILES
    assert err == "note: using the split test; --split val uses the other\n"


def test_files_are_replaced_and_json_says_it_all(weights, photos, capsys, tmp_path):
    (tmp_path / "out").mkdir()
    for name in FILES:
        (tmp_path / "out" / name).write_text("of before")
    words = [weights, "--data", f"folder:{photos}", "--split", "val", "--out", tmp_path / "out"]
    found = as_json(capsys, *words, "--workers", 1, "--classes", "red")
    assert all("of before" not in (tmp_path / "out" / name).read_text(encoding="utf-8") for name in FILES)
    assert found["data"] == f"folder:{photos}, val"
    assert [group["name"] for group in found["groups"]] == ["all", "red"]
    assert [gate["name"] for gate in found["gates"]] == list(GATES)
    assert "pictures" not in found
    assert found == {**as_json(capsys, *words, "--classes", "red"), "particulars": found["particulars"]}


def test_classes_are_named_by_name_or_title_and_a_wrong_one_gets_the_nearest(weights, photos, capsys, tmp_path):
    titles = {name: {"index": i, "name": "sky" if name == "blue" else "plant"} for i, name in enumerate(COLOURS)}
    (tmp_path / "titles.json").write_text(json.dumps(titles))
    words = [weights, "--data", f"folder:{photos}", "--class-map", tmp_path / "titles.json"]
    found = as_json(capsys, *words, "--classes", "red", "sky", "blue")
    assert [(group["name"], group["title"]) for group in found["groups"]] == [
        ("all", ""),
        ("red", "plant"),
        ("blue", "sky"),
    ]
    for said, do in (("gren", "did you mean green?"), ("plant", "name one: green, red"), ("x.json", "known: blue, ")):
        _, err = excited(capsys, *words, "--classes", said, "--out", "wrong", code=2)
        assert said in err
        assert do in err.splitlines()[-1]
    assert not (tmp_path / "here" / "wrong").exists()


def test_row_84_a_wrong_class_map_is_refused(weights, photos, capsys, tmp_path):
    words = [weights, "--data", f"folder:{photos}", "--class-map", tmp_path / "map.json", "--out", tmp_path / "out"]
    for said, code, what in (
        ("[", 3, "not a readable list of classes"),
        ('["red", "green", "blue"]', 3, "blue"),
        ('{"blue": 0, "green": 1, "red": 7}', 3, "red"),
    ):
        (tmp_path / "map.json").write_text(said)
        assert what in excited(capsys, *words, code=code)[1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spec", ["CBAM(reduction=4)", "SK(groups=1)"])
def test_an_untrained_network_fits_into_80_columns_and_is_said_to_be_one(spec, photos, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    out, err = excited(capsys, "resnet8", "--attention", spec, "--data", f"folder:{photos}", "--out", "out")
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()]
    assert lines[0] == f"resnet8 with {spec}: random weights"
    assert "note: resnet8 has random weights: nothing is learned yet" in err
    assert max(map(len, lines[2:-3])) <= 80
    for row in rows(Path("out", "gates.csv")):
        kind = {"channels": ""}.get(row["weighs"], f" {row['weighs']}")
        at = next(i for i, line in enumerate(lines) if line.split()[:1] == [row["gate"]])
        assert len(lines[at].split()) == 5
        assert lines[at + 1].startswith(row["values"] + kind)
