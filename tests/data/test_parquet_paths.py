"""Parquet files as they come about: paths in place of images, labels of other names, rows that lack something."""

import pyarrow as pa
import pytest
from pyarrow import parquet
from tars import opened, picture

from senet.data.check.check import check
from senet.data.shards.source import ShardSource
from senet.errors import DataError

PAIR = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def written(root, statistics=True, **columns):
    for name in ("train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"):
        parquet.write_table(pa.table(columns), root / name, write_statistics=statistics)
    return root


def cells(*numbers):
    return pa.array([{"bytes": None if n < 0 else picture(n), "path": f"{abs(n)}.jpg"} for n in numbers], PAIR)


PATHS = {
    "pairs without bytes": {"image": cells(-1, -2, -3, -4)},
    "without statistics": {"image": cells(-1, -2, -3, -4), "statistics": False},
    "a column of paths": {"image": [f"{n}.jpg" for n in range(4)]},
    "no bytes at all": {"img": [{"bytes": None, "path": f"{n}.jpg"} for n in range(4)]},
}


@pytest.mark.parametrize("case", PATHS)
def test_row_100_paths_in_place_of_images_are_said_once_with_the_remedy(tmp_path, case):
    root = written(tmp_path, **PATHS[case], label=[0, 1, 0, 1])
    with pytest.raises(
        DataError, match="holds paths of images, which are never followed, and not their bytes"
    ) as error:
        opened(root)
    assert error.value.where == str(root / "train-00000-of-00001.parquet")
    assert "embed_table_storage" in error.value.do
    found = [one for one in check(ShardSource(str(root))).findings if one.kind == "shard"]
    assert [one.path for one in found] == sorted(path.name for path in root.iterdir())


def test_row_100_a_few_rows_without_images_are_named_and_may_be_left_out(tmp_path):
    root = written(tmp_path, image=cells(1, -2, 3, 4), label=[0, 1, 0, 1])
    with pytest.raises(DataError, match=r"only its path 2\.jpg") as error:
        list(opened(root).train_batches(1, 1))
    assert error.value.where == "train-00000-of-00001.parquet/group 0/row 1 (sample 1)"
    data = opened(root, on_error="skip")
    assert sum(len(images) for images, _ in data.train_batches(1, 1)) == 3
    assert data.unread() == {"train": ["train-00000-of-00001.parquet/group 0/row 1 (sample 1)"]}
    rows = [one.path for one in check(ShardSource(str(root))).findings if one.kind == "no-image"]
    assert [row.rpartition("/")[2] for row in rows] == ["row 1", "row 1"]


def test_columns_that_are_not_read_are_counted_and_of_two_labels_one_is_named(tmp_path, caplog):
    root = written(tmp_path, image=cells(1, 2), fine_label=[0, 1], coarse_label=[1, 1], id=[7, 8])
    data = opened(root)
    assert data.train.labels.tolist() == [0, 1]
    assert "labels are the column fine_label, not coarse_label" in caplog.text
    assert [(one.why, one.split, one.examples) for one in data.unused] == [
        ("column", "train", ("coarse_label", "id")),
        ("column", "val", ("coarse_label", "id")),
    ]


@pytest.mark.parametrize("name", ["class", "category", "labels"])
def test_labels_are_found_under_other_names(tmp_path, name):
    root = written(tmp_path, **{"image": [picture(1), picture(2)], name: ["dog", "cat"]})
    assert opened(root).classes == ("cat", "dog")


@pytest.mark.parametrize("labels", [[0, None, 1, None], [0.0, 1.0, 0.0, 1.0]])
def test_labels_that_are_none_are_counted(tmp_path, labels):
    root = written(tmp_path, image=cells(1, 2, 3, 4), label=labels)
    with pytest.raises(DataError, match=r"\(1 of [24] such rows\)") as error:
        opened(root)
    assert error.value.do.startswith("take these rows out")


def test_pixels_are_not_taken_for_files(tmp_path):
    root = written(tmp_path, image=[[1, 2], [3, 4]], label=[0, 1])
    with pytest.raises(DataError, match=r"the column image holds list<.*>, not encoded images"):
        opened(root)


def test_shards_in_a_folder_below_or_of_no_split_say_what_to_name(tmp_path):
    (tmp_path / "data").mkdir()
    written(tmp_path / "data", image=cells(1, 2), label=[0, 1])
    with pytest.raises(DataError, match="found: none") as error:
        opened(tmp_path)
    assert error.value.do == f"name the folder of the shards: --data shards:{tmp_path / 'data'}"
    for path in (tmp_path / "data").iterdir():
        path.rename(path.with_name(path.name.replace("train", "images").replace("validation", "more")))
    with pytest.raises(DataError, match="found: none") as error:
        opened(tmp_path / "data")
    assert error.value.do.startswith("images-00000-of-00001.parquet begins with no split: name shards train-00000.tar")


def test_what_lies_beside_the_shards_of_a_hub_is_counted(tmp_path):
    written(tmp_path, image=cells(1, 2), label=[0, 1])
    for name in ("README.md", "dataset_infos.json", ".cache/huggingface/x.lock", "images-00000.tar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    beside = {one.why: one.examples for one in ShardSource(str(tmp_path)).outside_splits}
    assert beside == {
        "hidden": (".cache/huggingface/x.lock",),
        "beside": ("README.md", "dataset_infos.json", "images-00000.tar"),
    }


def test_a_copy_names_what_its_address_has_beside_and_nothing_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "there").mkdir()
    written(tmp_path / "there", image=cells(1, 2), label=[0, 1])
    (tmp_path / "there" / "README.md").write_text("x")
    source = ShardSource(f"file://{tmp_path / 'there'}")
    assert [(one.why, one.examples) for one in source.outside_splits] == [("beside", ("README.md",))]
