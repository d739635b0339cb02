"""Names with spaces, line ends, emoji, bytes that are no text, markup, formulas and codes for the terminal."""

import csv
import io
import json
import os

import pytest
from zoo import TRANSFORM, feed, folder, photo

from senet.data.check.check import check
from senet.data.loader.open_stream import open_split
from senet.data.sources.folder_tree import is_hidden
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError
from senet.utils.text import csv_cell, printable

NAMES = (
    "with space",
    "line\nend",
    "emoji \U0001f9a6",
    "-dash",
    "--flag=1",
    "<script>alert(1)</script>".replace("/", "\u2215"),
    '=HYPERLINK("http:x")',
    "%s%n{0}",
    "\x1b[31mred",
    "\u202egnp.exe",
    "x" * 255,
)
BYTES = b"caf\xe9"


@pytest.fixture
def root(tmp_path):
    root = folder(tmp_path / "photos", train=2, test=1, classes=NAMES)
    for split in (b"train", b"test"):
        os.mkdir(os.path.join(os.fsencode(root), split, BYTES))
    for seed, split in ((500, "train"), (600, "test")):
        for i in range(2):
            photo(root / split / os.fsdecode(BYTES) / f"{i}.jpg", seed + i)
    return root


def test_row_15_data_with_hostile_names_is_read_whole(root):
    data = feed(root, batch_size=50)
    assert set(data.classes) == {*NAMES, os.fsdecode(BYTES)}
    assert data.classes == tuple(sorted(data.classes))
    assert sum(len(labels) for _, labels in data.train_batches(1, 1)) == 2 * len(NAMES) + 2
    assert len(data.fingerprint()) == 64
    assert check(FolderSource(root)).clean


def test_row_15_a_broken_image_of_a_hostile_name_is_named_without_codes(root):
    (root / "train" / "\x1b[31mred" / "00.jpg").write_bytes(b"")
    (root / "train" / os.fsdecode(BYTES) / "0.jpg").write_bytes(b"")
    with pytest.raises(DataError) as error:
        list(feed(root, batch_size=50).train_batches(1, 1))
    assert all(character.isprintable() for character in error.value.where)
    paths = [printable(finding.path) for finding in check(FolderSource(root)).findings if finding.kind == "empty"]
    assert paths == ["train/\\x1b[31mred/00.jpg", "train/caf\\xe9/0.jpg"]


def test_row_15_a_report_of_hostile_names_survives_json(root):
    (root / "train" / os.fsdecode(BYTES) / "0.jpg").write_bytes(b"")
    report = check(FolderSource(root))
    text = json.dumps(report.to_dict())
    assert text.isascii()
    assert json.loads(text)["findings"][0]["path"] == f"train/{os.fsdecode(BYTES)}/0.jpg"


def test_row_16_a_stored_class_map_with_paths_in_it_reads_nothing_outside(root, tmp_path, caplog):
    photo(tmp_path / "outside" / "0.jpg", 1)
    classes = ("../../../outside", str(tmp_path / "outside"), *sorted(os.listdir(root / "test")), "%s%d")
    split = open_split(root / "test", classes, TRANSFORM)
    names = [name for step in range(split._steps) for name in split.sample_ids(step)]
    assert len(names) == len(split) == len(NAMES) + 2
    assert not [name for name in names if "outside" in name]
    [record] = caplog.records
    assert "has no images of '../../../outside', " in record.getMessage()
    assert record.getMessage().endswith("'%s%d'; their numbers are n/a")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain é 猫.jpg", "plain é 猫.jpg"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202egnp", r"\u202egnp"),
        (os.fsdecode(b"\xff\xfe"), r"\xff\xfe"),
    ],
)
def test_row_16_names_are_shown_with_their_codes_spelt_out(name, shown):
    assert printable(name) == shown
    printable(name).encode("utf-8")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)"])
def test_row_16_formulas_are_text_in_a_table_for_spreadsheets(name):
    buffer = io.StringIO()
    csv.writer(buffer).writerow([csv_cell(name)])
    assert next(csv.reader(io.StringIO(buffer.getvalue()))) == [f"'{name}"]


def test_other_cells_stay_as_they_are():
    assert csv_cell("cat, dog") == "cat, dog"
    assert csv_cell("a\nb") == r"a\nb"


@pytest.mark.parametrize(("name", "expected"), [(".git", True), ("._x.jpg", True), ("@eaDir", True), ("cat", False)])
def test_hidden_names(name, expected):
    assert is_hidden(name) == expected
