"""Shards at an address: fsspec's memory file system stands for a server, and no socket is opened."""

import json
from dataclasses import replace

import fsspec
import pytest
import torch
from parquets import write
from tars import SMALL, numbers, shards
from zoo import STANDARD, TRANSFORM, folder

from senet.data.batching import Batching
from senet.data.feed import Feed
from senet.data.order import Balanced
from senet.data.ranks import Share
from senet.data.shards import remote
from senet.data.shards.index import Entry, Index, to_text
from senet.data.shards.pack import ShardSize, pack_folder
from senet.data.shards.reading import RemoteSplit
from senet.data.shards.remote import open_remote
from senet.data.stream import Loading
from senet.errors import DataError, UsageError

URL = "memory://bucket/data"


def upload(root):
    files = fsspec.filesystem("memory")
    files.rm("/bucket", recursive=True) if files.exists("/bucket") else None
    for path in root.iterdir():
        files.pipe(f"/bucket/data/{path.name}", path.read_bytes())
    return files


@pytest.fixture
def files(tmp_path):
    """Nine shards of five samples and one of four, with an index."""
    root = shards(tmp_path / "shards", 9, 5)
    entries = [Entry(path.name, 5, path.stat().st_size, "0" * 64) for path in sorted(root.glob("train-*"))]
    test = (Entry("test-00000.tar", 4, (root / "test-00000.tar").stat().st_size, "0" * 64),)
    (root / "index.json").write_text(to_text(Index(("even", "odd"), {"train": tuple(entries), "test": test})))
    return upload(root)


def stream(batch_size=8, **loading):
    return open_remote(URL, SMALL, Batching(batch_size), Loading(**loading))


def test_every_image_once_an_epoch_with_its_label_in_an_order_of_seed_and_epoch(files):
    data, orders = stream(), []
    for seed, epoch in ((1, 1), (1, 2), (2, 1), (1, 1)):
        batches = list(data.train_batches(seed, epoch))
        seen = [n for images, _ in batches for n in numbers(images)]
        assert len(batches) == data.steps_per_epoch == 6
        assert sorted(seen) == list(range(45))
        assert [n % 2 for n in seen] == torch.cat([labels for _, labels in batches]).tolist()
        orders.append(tuple(seen))
    assert len(set(orders)) == 3
    assert orders[0] == orders[3]
    assert orders[0] != tuple(range(45))


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("first", [0, 3, 6])
def test_a_stream_can_be_entered_at_any_step_with_any_number_of_workers(tmp_path, workers, first):
    pack_folder(folder(tmp_path / "photos", train=10), tmp_path / "out", ShardSize(samples=6))
    upload(tmp_path / "out")
    whole, rest = (
        list(open_remote(URL, TRANSFORM, Batching(4, STANDARD), Loading(n)).train_batches(3, 2, at))
        for n, at in ((0, 0), (workers, first))
    )
    assert (len(whole), len(rest)) == (5, max(5 - first, 0))
    for (images, labels), (others, other_labels) in zip(whole[first:], rest, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, other_labels)


def test_ranks_share_the_global_batch_and_the_held_out_images(files):
    alone, ranks = stream(), [stream(share=Share(rank, 2)) for rank in range(2)]
    parts = zip(*(rank.train_batches(5, 1) for rank in ranks), strict=True)
    for step, (whole, both) in enumerate(zip(alone.train_batches(5, 1), parts, strict=True)):
        assert torch.equal(torch.cat([images for images, _ in both]), whole[0])
        assert sum((rank.sample_ids(5, 1, step) for rank in ranks), ()) == alone.sample_ids(5, 1, step)
    assert step == alone.steps_per_epoch - 1 > 0
    assert [len(rank.test) for rank in ranks] == [4, 0], "one batch is not cut"
    parts = [RemoteSplit(replace(rank.test.reading, batch_size=3)) for rank in ranks]
    assert [[numbers(images) for images, _ in part] for part in parts] == [[[45, 46, 47]], [[48]]]
    assert parts[1].sample_ids(0) == alone.test.sample_ids(0)[3:]
    assert len({rank.fingerprint() for rank in ranks}) == 1


def test_names_are_addresses(files):
    data = stream()
    images, _ = next(data.train_batches(1, 1))
    assert data.sample_ids(1, 1, 0) == tuple(f"{URL}/train-{n // 5:05}.tar/{n:06}.ppm" for n in numbers(images))
    assert data.test.sample_ids(0)[0] == f"{URL}/test-00000.tar/000045.ppm"


def test_the_buffer_is_bounded_and_a_small_one_is_exact_too(files, monkeypatch):
    monkeypatch.setattr(remote, "BUFFER", 3)
    assert sorted(n for images, _ in stream().train_batches(1, 1) for n in numbers(images)) == list(range(45))


def test_a_remote_feed_is_what_the_training_loop_asks_for(files):
    assert all(hasattr(stream(), name) for name in vars(Feed) if not name.startswith("_"))


def test_a_missing_shard_is_named(files):
    files.rm("/bucket/data/train-00004.tar")
    with pytest.raises(DataError) as error:
        list(stream().train_batches(1, 1))
    assert error.value.where == f"{URL}/train-00004.tar"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_truncated_shard_is_named(files, workers):
    path = "/bucket/data/train-00004.tar"
    files.pipe(path, files.cat(path)[:4096])
    with pytest.raises(DataError, match="truncated after 4,096 bytes") as error:
        list(stream(workers=workers).train_batches(1, 1))
    assert error.value.where == f"{URL}/train-00004.tar"


def test_an_image_that_cannot_be_read_is_named(files):
    path = "/bucket/data/train-00004.tar"
    files.pipe(path, files.cat(path).replace(b"P6 2 2", b"P6 2 x", 1))
    with pytest.raises(DataError) as error:
        list(stream().train_batches(1, 1))
    assert error.value.where.startswith(f"{URL}/train-00004.tar/000020.ppm (sample ")
    assert sum(len(images) for images, _ in stream(on_error="skip").train_batches(1, 1)) == 44


def test_a_stream_that_is_shorter_than_its_index_says_is_never_just_shorter(files):
    said = json.loads(files.cat("/bucket/data/index.json"))
    said["splits"]["train"][0]["samples"] = 6
    files.pipe("/bucket/data/index.json", json.dumps(said).encode())
    with pytest.raises(DataError, match="it has not the 46 samples"):
        list(stream().train_batches(1, 1))


def test_parquet_at_an_address_is_counted_by_its_footers(tmp_path):
    from datasets import ClassLabel, Features, Value
    from pyarrow import parquet

    features = Features(
        {"image": {"bytes": Value("binary"), "path": Value("string")}, "label": ClassLabel(names=["a", "b"])}
    )
    for i in range(3):
        path = write(tmp_path / "p" / f"train-{i:05}-of-00003.parquet", range(10 * i, 10 * i + 10))
        parquet.write_table(parquet.read_table(path).replace_schema_metadata(features.arrow_schema.metadata), path)
    write(tmp_path / "p" / "test-00000-of-00001.parquet", range(30, 33))
    files = upload(tmp_path / "p")
    data = stream()
    assert (data.classes, data.steps_per_epoch, len(data.test)) == (("a", "b"), 4, 3)
    assert sorted(n for images, _ in data.train_batches(1, 1) for n in numbers(images)) == list(range(30))
    first = data.fingerprint()
    files.rm("/bucket/data/train-00001-of-00003.parquet")
    with pytest.raises(DataError, match="missing: train-00001-of-00003"):
        stream()
    assert len(first) == 64


def test_tars_without_an_index_are_refused_since_they_cannot_be_counted(tmp_path):
    upload(shards(tmp_path / "plain", 2))
    with pytest.raises(DataError, match=r"neither an index\.json nor Parquet"):
        stream()


def test_nothing_there_is_said(files):
    with pytest.raises(DataError) as error:
        open_remote("memory://bucket/nowhere", SMALL, Batching(8))
    assert "nowhere" in error.value.where


def test_an_order_that_a_stream_cannot_have_is_refused(files):
    with pytest.raises(UsageError, match="cannot be read in the order Balanced"):
        open_remote(URL, SMALL, Batching(8, order=Balanced()))


def test_row_41_without_datasets_the_command_that_installs_it_is_said(files, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(remote.importlib, "import_module", missing)
    with pytest.raises(UsageError, match="extra `stream`"):
        stream()
