"""Parquet as Hugging Face `datasets` and others write it, on disk."""

import builtins

import pyarrow as pa
import pytest
import torch
from parquets import described, with_schema, write
from pyarrow import parquet
from tars import numbers, opened, picture

from senet.data.check.check import check
from senet.data.shards.parquet import samples as reader
from senet.data.shards.source import ShardSource
from senet.errors import DataError, UsageError


@pytest.fixture
def root(tmp_path):
    for i in range(3):
        write(tmp_path / f"train-{i:05}-of-00003.parquet", range(10 * i, 10 * i + 10))
    write(tmp_path / "validation-00000-of-00001.parquet", range(30, 36))
    return tmp_path


def test_every_row_once_with_its_label_and_its_name(root):
    data = opened(root)
    batches = list(data.train_batches(1, 1))
    seen = [n for images, _ in batches for n in numbers(images)]
    assert sorted(seen) == list(range(30))
    assert [n % 2 for n in seen] == torch.cat([labels for _, labels in batches]).tolist()
    names = [name for step in range(len(batches)) for name in data.sample_ids(1, 1, step)]
    assert names == [f"train-{n // 10:05}-of-00003.parquet/group {n % 10 // 4}/row {n % 10 % 4}" for n in seen]
    assert [n for images, _ in data.test for n in numbers(images)] == list(range(30, 36))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_of_parquet_can_be_entered_at_any_step(root, workers):
    whole = list(opened(root).train_batches(1, 2))
    rest = list(opened(root, workers=workers).train_batches(1, 2, 2))
    assert len(rest) == len(whole) - 2 > 0
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(whole[2:], rest, strict=True))


def test_the_cache_of_row_groups_is_bounded(root, monkeypatch):
    monkeypatch.setattr(reader, "CACHED", 3 * 4 * len(picture(0)))
    data = opened(root)
    assert sorted(n for images, _ in data.train_batches(1, 1) for n in numbers(images)) == list(range(30))
    assert 1 <= len(data.train.samples.cache) <= 4


def test_class_names_of_datasets_are_the_class_map(tmp_path):
    for split, ids in (("train", range(6)), ("test", range(6, 8))):
        described(tmp_path / f"{split}-0.parquet", ids, ["otter", "cat"])
    data = opened(tmp_path)
    assert data.classes == ("otter", "cat")
    assert data.train.labels.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "said",
    [
        "[]",
        "{",
        '{"info": null}',
        pytest.param("[" * 100_000, id="deep"),
        '{"info": {"features": {"label": {"names": 2}}}}',
    ],
)
def test_a_schema_that_is_broken_is_named(root, said):
    with_schema(root / "train-00000-of-00003.parquet", said)
    with pytest.raises(DataError) as error:
        opened(root)
    assert error.value.where == str(root / "train-00000-of-00003.parquet")


def test_check_reads_parquet(root):
    report = check(ShardSource(str(root)))
    assert [(split.name, split.images, split.readable) for split in report.splits] == [("train", 30, 30), ("val", 6, 6)]
    assert report.clean


def test_a_missing_or_truncated_file_is_named(root):
    path = root / "train-00001-of-00003.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(DataError, match="cannot read the shard") as error:
        opened(root)
    assert path.name in error.value.where
    assert {f.path for f in check(ShardSource(str(root))).findings if f.severity == "error"} == {path.name}
    path.unlink()
    with pytest.raises(DataError, match=f"missing: {path.name}"):
        opened(root)


def test_a_file_that_is_corrupt_in_its_images_is_named_when_they_are_read(root):
    path = root / "train-00001-of-00003.parquet"
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        list(opened(root).train_batches(1, 1))
    assert path.name in error.value.where


def test_paths_in_cells_are_never_followed(root):
    cells = [{"bytes": None if n == 11 else picture(n), "path": "/etc/passwd"} for n in range(10, 14)]
    parquet.write_table(pa.table({"image": cells, "label": [0, 1, 0, 1]}), root / "train-00001-of-00003.parquet")
    with pytest.raises(DataError, match="no bytes of an image in this row, only its path /etc/passwd") as error:
        list(opened(root).train_batches(1, 1))
    assert error.value.where == "train-00001-of-00003.parquet/group 0/row 1 (sample 11)"
    assert sum(len(images) for images, _ in opened(root, on_error="skip").train_batches(1, 1)) == 23


@pytest.mark.parametrize("label", [None, 1.5, ""])
def test_labels_that_are_none_are_refused(root, label):
    write(root / "train-00001-of-00003.parquet", range(2), [label, label])
    with pytest.raises(DataError, match=r"the label of row 0 is .*\(1 of 2 such rows\)"):
        opened(root)


def test_columns_of_other_names_are_listed(root):
    write(root / "train-00001-of-00003.parquet", range(4), image="photo")
    with pytest.raises(DataError, match="but photo, label"):
        opened(root)


def test_tars_and_parquet_do_not_mix(root):
    (root / "train-00003.tar").write_bytes(b"")
    with pytest.raises(DataError, match="tars and Parquet"):
        opened(root)


def test_row_41_without_the_extra_the_command_that_installs_it_is_said(root, monkeypatch):
    real = builtins.__import__

    def without(name, *args):
        if name.split(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="extra `stream`") as error:
        opened(root)
    assert error.value.do == "pip install 'senet[stream]'"
