"""Images that a CSV file lists, as spreadsheets, scripts and people write it."""

import shutil

import pytest
from tars import SMALL
from zoo import folder, photo

from senet.data import Batching, DataConfig, open_data, open_source, read_source, resolved
from senet.data.check.check import check
from senet.data.sampling.split import divided
from senet.data.shards.pack import pack
from senet.data.shards.source import ShardSource
from senet.data.sources.csv_list import ListSource, class_order
from senet.errors import DataError, UsageError

ROWS = [
    ("train/cat/00.jpg", "cat", "train"),
    ("train/dog/00.jpg", "dog", "train"),
    ("train/cat/01.jpg", "cat", "train"),
]
ROWS += [("train/dog/01.jpg", "dog", "train"), ("test/cat/00.jpg", "cat", "test"), ("test/dog/00.jpg", "dog", "test")]


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos", train=2, test=1)


def listed(root, text, name="list.csv", encoding="utf-8"):
    (root / name).write_bytes(text.encode(encoding))
    return ListSource(root / name)


def rows(separator=",", rows=ROWS, head=("path", "label", "split")):
    return "\n".join(separator.join(row) for row in (head, *rows)) + "\n"


def contents(source):
    return {split: [*zip(map(found.samples.name, range(len(found.samples))), found.labels, strict=True)]
            for split in source.splits for found in [source.read(split)]}  # fmt: skip


EXPECTED = {
    "train": [(path, label) for path, label, split in ROWS if split == "train"],
    "test": [(path, label) for path, label, split in ROWS if split == "test"],
}

FORMS = {
    "commas": rows(),
    "semicolons, as of a German Excel": rows(";"),
    "tabs": rows("\t"),
    "quotes and spaces": "path , label, split\n" + "".join(f'"{p}", "{y}", {s} \n' for p, y, s in ROWS),
    "lines of Windows": rows().replace("\n", "\r\n"),
    "empty rows": rows().replace("\n", "\n\n,,\n"),
    "names in capitals": rows(head=("Path", "LABEL", "Split")),
    "no last line break": rows().rstrip(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_of_a_list_has_the_same_images(root, form, encoding):
    assert contents(listed(root, FORMS[form], encoding=encoding)) == EXPECTED


def test_a_list_is_opened_by_its_name_and_is_the_folder(root):
    source = listed(root, rows())
    ours = divided(open_data(DataConfig(f"list:{source.file}")), 0)
    folders = divided(open_data(DataConfig(f"folder:{root}")), 0)
    assert ours.classes == folders.classes == ("cat", "dog")
    assert sorted(ours.train.samples.digests()) == sorted(folders.train.samples.digests())
    assert ours.unused == ()
    assert folders.unused[0].examples == ("list.csv",)


def test_splits_go_by_all_their_names(root):
    text = rows().replace(",train\n", ",Training\n").replace(",test\n", ",valid\n")
    assert listed(root, text).splits == ("train", "val")
    with pytest.raises(DataError, match="no split is called holdout") as error:
        listed(root, rows().replace(",test\n", ",holdout\n")).splits  # noqa: B018 - reading it is what fails
    assert error.value.where.endswith("list.csv, line 6")
    assert "validation" in error.value.do


def test_whole_numbers_are_classes_in_their_own_order(root):
    assert class_order({"10", "2", "1"}) == ("1", "2", "10")
    assert class_order({"10", "2", "b"}) == ("10", "2", "b")
    text = rows().replace(",cat,", ",10,").replace(",dog,", ",9,")
    assert divided(listed(root, text), 0).classes == ("9", "10")


def test_without_splits_a_share_is_held_out_the_same_for_ever(tmp_path):
    root = folder(tmp_path, train=5, test=1)
    paths = sorted(str(path.relative_to(root)) for path in (root / "train").rglob("*.jpg"))
    source = listed(root, "path,label\n" + "".join(f"{path},{path.split('/')[1]}\n" for path in paths))
    with pytest.raises(DataError, match="no column split: no images are held out") as error:
        source.require_splits()
    assert error.value.do == "hold some out: --val-fraction 0.2"
    data = divided(open_data(DataConfig(source.name, val_fraction=0.2)), 0)
    names = [data.test.samples.name(i) for i in range(len(data.test))]
    assert names == ["train/cat/04.jpg", "train/dog/03.jpg"] == sorted({*paths} - names_of(data.train))


def names_of(files):
    return {files.samples.name(i) for i in range(len(files))}


def test_what_is_not_used_of_a_list_is_counted(root):
    photo(root / "train" / "cat" / "more.jpg", 90)
    photo(root / "train" / "cat" / "more.heic", 91, format="PNG")
    again = [(f"./{path}", *rest) for path, *rest in ROWS[:2]]
    text = rows(rows=[(*row, "me", "1") for row in (*ROWS, *again)], head=("path", "label", "split", "by", ""))
    data = divided(listed(root, text), 0)
    assert [(one.why, one.count, one.examples) for one in data.unused] == [
        ("column", 2, ("by", "column 5")),
        ("repeated", 2, ("line 8", "line 9")),
        ("unlisted", 2, ("train/cat/more.heic", "train/cat/more.jpg")),
    ]
    assert len(data.train) == 4
    assert [one.why for one in check(listed(root, text)).unused] == ["column", "repeated", "unlisted"]


TWICE = rows(rows=[*ROWS, ("train/./cat/00.jpg", "dog", "train")])
MOVED = rows(rows=[*ROWS, ("train/cat/00.jpg", "cat", "test")])
LACKING = rows().replace(",dog,train", ",,train")
GONE = rows().replace("cat/0", "gone/0")
WRONG = {
    "two labels": (TWICE, "has two labels: cat and dog", "lines 2 and 8"),
    "two splits": (MOVED, "has two splits: train and test", "lines 2 and 8"),
    "no label": (LACKING, "2 rows of the list cannot be read: line 3: no label, line 5", "csv"),
    "no split": (rows().replace(",dog,train", ",dog,"), "line 3: no split", "csv"),
    "cells without a column": (rows().replace("cat/00", "cat,00"), "line 2: 4 cells for 3 columns", "csv"),
    "no names": ("\n".join(rows().splitlines()[1:]), "no columns path and label: the first line is 'train/cat", "csv"),
    "other names": (rows(head=("file", "class", "split")), "no columns path and label", "csv"),
    "a name twice": (rows(head=("path", "label", "label")), "two columns are called label", "csv"),
    "nothing": ("", "the list is empty", "csv"),
    "an open quote": (rows() + '"x,cat,train\n', "unexpected end of data", "csv"),
    "files that are not there": (GONE, "2 of 4 images are not there: train/gone/00.jpg", "line 2"),
    "a folder for a file": (rows().replace("train/cat/00.jpg", "train/cat"), "1 of 4 images are not there", "line 2"),
    "slashes of Windows": (rows().replace("train/cat/", "train\\cat\\"), "2 of 4 images are not there", "line 2"),
    "no rows": ("path,label,split\n", "the list has no rows", "csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_by_its_line(root, case):
    text, what, where = WRONG[case]
    with pytest.raises(DataError) as error:
        divided(listed(root, text), 0)
    assert what in error.value.what
    assert where in error.value.where
    assert error.value.do


def test_the_check_lists_all_files_that_are_not_there(root):
    found = check(listed(root, rows().replace("cat/0", "gone/0")))
    assert [(one.kind, one.path, one.detail) for one in found.findings if one.severity == "error"][:3] == [
        ("missing", "train/gone/00.jpg", "not there; line 2"),
        ("missing", "train/gone/01.jpg", "not there; line 4"),
        ("missing", "test/gone/00.jpg", "not there; line 6"),
    ]


def test_bytes_that_are_no_text_are_refused(root):
    (root / "list.csv").write_bytes(b"\xff\xd8\xff\xe0 not a list")
    with pytest.raises(DataError, match="not UTF-8") as error:
        ListSource(root / "list.csv").require_splits()
    assert error.value.do == "save it as UTF-8"


def test_absolute_paths_and_paths_that_lead_up_are_read(root, tmp_path):
    (tmp_path / "lists").mkdir()
    text = rows(
        rows=[
            (f"../photos/{path}", *rest) if i % 2 else (str(root / path), *rest) for i, (path, *rest) in enumerate(ROWS)
        ]
    )
    data = divided(listed(tmp_path / "lists", text), 0)
    assert [data.train.samples.read(i) for i in range(4)] == [(root / path).read_bytes() for path, _, _ in ROWS[:4]]
    half = data.train.subset(data.train.labels.nonzero().flatten())
    assert [half.samples.read(i) for i in range(2)] == [
        (root / path).read_bytes() for path in ("train/dog/00.jpg", "train/dog/01.jpg")
    ]


def test_a_list_is_packed_and_its_fingerprint_goes_by_its_rows(root, tmp_path):
    source = listed(root, rows())
    index = pack(source, tmp_path / "out")
    assert {split: sum(entry.samples for entry in entries) for split, entries in index.splits.items()} == {
        "train": 4,
        "test": 2,
    }
    assert check(ShardSource(str(tmp_path / "out"))).clean
    first = open_source(source.name, SMALL, Batching(2)).fingerprint()
    moved = shutil.copytree(root, tmp_path / "moved")
    assert open_source(f"list:{moved / 'list.csv'}", SMALL, Batching(2)).fingerprint() == first
    other = listed(
        moved, rows().replace("cat/00.jpg,cat", "cat/00.jpg,dog").replace("dog/00.jpg,dog", "dog/00.jpg,cat")
    )
    assert open_source(other.name, SMALL, Batching(2)).fingerprint() != first


def test_a_list_is_told_from_a_folder(root, monkeypatch):
    listed(root, rows())
    monkeypatch.chdir(root)
    assert str(read_source("list:list.csv").resolved()) == f"list:{root / 'list.csv'}"
    assert resolved(DataConfig("list:list.csv")).source == f"list:{root / 'list.csv'}"
    for wrong, right in (
        ("folder:list.csv", "list:list.csv"),
        ("shards:list.csv", "list:list.csv"),
        ("list:.", "folder:."),
    ):
        with pytest.raises(UsageError) as error:
            open_data(DataConfig(wrong))
        assert error.value.do == f"write --data {right}"
    with pytest.raises(UsageError) as error:
        read_source("list.csv")
    assert error.value.do == "for a list write --data list:list.csv"
    with pytest.raises(DataError, match="cannot read the list"):
        open_data(DataConfig("list:gone.csv")).require_splits()
