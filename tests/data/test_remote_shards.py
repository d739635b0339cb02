"""Shards at an address are, once copied, what the same shards in a folder are."""

import importlib

import pytest
import torch
from addresses import URL, upload
from parquets import described, write
from tars import SMALL, numbers, opened, sample, shards, tar
from zoo import STANDARD, TRANSFORM, folder

from senet.data import Balanced, Batching, Loading, Share, open_remote, open_shards
from senet.data.check.check import check
from senet.data.shards.download import shard_cache_folder
from senet.data.shards.pack import ShardSize, pack
from senet.data.shards.source import ShardSource
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError


@pytest.fixture
def plain(tmp_path):
    """Nine shards of five samples and one of four, without an index."""
    root = shards(tmp_path / "shards", 9, 5)
    upload(root)
    return root


@pytest.fixture
def packed(tmp_path):
    """Five shards of pictures with an index."""
    pack(FolderSource(folder(tmp_path / "photos", train=10)), tmp_path / "packed", ShardSize(samples=6))
    upload(tmp_path / "packed")
    return tmp_path / "packed"


def photos(where, workers=0, first=0):
    feed = open_shards(where, TRANSFORM, Batching(4, STANDARD), Loading(workers), 0.0)
    return list(feed.train_batches(3, 2, first))


def test_every_image_once_an_epoch_with_its_label_in_an_order_of_seed_and_epoch(plain):
    data, orders = opened(URL), []
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
    assert [n for images, _ in data.test for n in numbers(images)] == [45, 46, 47, 48]


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("first", [0, 3, 6])
def test_an_epoch_can_be_entered_at_any_step_with_any_number_of_workers(packed, workers, first):
    whole, rest = photos(packed), photos(URL, workers, first)
    assert (len(whole), len(rest)) == (5, max(5 - first, 0))
    for (images, labels), (others, other_labels) in zip(whole[first:], rest, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, other_labels)


def test_packed_shards_are_at_an_address_the_data_that_they_are_here(packed):
    there, here = (open_shards(where, TRANSFORM, Batching(4)) for where in (URL, packed))
    assert (there.classes, there.fingerprint()) == (here.classes, here.fingerprint())
    assert (there.name, here.name) == (f"shards:{URL}", f"shards:{packed}")


def test_a_folder_for_each_split_is_taken_too(tmp_path):
    for split, name in (("train", "train-00000.tar"), ("test", "test-00000.tar")):
        (tmp_path / split).mkdir()
        shards(tmp_path / "flat", 1, 6)
        (tmp_path / "flat" / name).rename(tmp_path / split / "0.tar")
    upload(tmp_path)
    assert sorted(n for images, _ in opened(URL).train_batches(1, 1) for n in numbers(images)) == list(range(6))


def test_ranks_share_the_global_batch_and_the_held_out_images(plain):
    shares = [Loading(share=Share(rank, 2)) for rank in range(2)]
    alone, ranks = opened(URL), [open_shards(URL, SMALL, Batching(8), share, 0.0) for share in shares]
    parts = zip(*(rank.train_batches(5, 1) for rank in ranks), strict=True)
    for step, (whole, both) in enumerate(zip(alone.train_batches(5, 1), parts, strict=True)):
        assert torch.equal(torch.cat([images for images, _ in both]), whole[0])
        assert sum((rank.sample_ids(5, 1, step) for rank in ranks), ()) == alone.sample_ids(5, 1, step)
    assert step == alone.steps_per_epoch - 1 > 0
    assert [len(rank.test) for rank in ranks] == [4, 0], "one batch is not cut"
    assert len({rank.fingerprint() for rank in ranks}) == 1


def test_a_balanced_order_is_possible(tmp_path):
    few = [m for n in range(20) for m in sample(n, label=int(n < 2))]
    tar(tmp_path / "train-0.tar", few)
    tar(tmp_path / "test-0.tar", few)
    upload(tmp_path)
    drawn = opened(URL, batching=Batching(8, order=Balanced()))
    labels = [torch.cat([labels for _, labels in drawn.train_batches(1, epoch)]) for epoch in range(1, 11)]
    assert 0.3 < torch.cat(labels).float().mean() < 0.7, "2 of 20 images are of the class"


def test_parquet_with_the_names_of_its_classes(tmp_path):
    for i in range(3):
        described(tmp_path / "p" / f"train-{i:05}-of-00003.parquet", range(10 * i, 10 * i + 10), ["otter", "cat"])
    write(tmp_path / "p" / "test-00000-of-00001.parquet", range(30, 33))
    files = upload(tmp_path / "p")
    data = opened(URL)
    assert (data.classes, data.steps_per_epoch, len(data.test)) == (("otter", "cat"), 4, 3)
    assert sorted(n for images, _ in data.train_batches(1, 1) for n in numbers(images)) == list(range(30))
    files.rm("/bucket/data/train-00001-of-00003.parquet")
    with pytest.raises(DataError, match="missing: train-00001-of-00003"):
        opened(URL)


def test_a_check_reads_the_copy_and_names_the_address(plain):
    report = check(ShardSource(URL))
    assert report.folder == URL
    assert [(split.name, split.images, split.readable) for split in report.splits] == [
        ("train", 45, 45),
        ("test", 4, 4),
    ]


def test_a_name_that_is_deprecated_says_so_and_works(plain):
    with pytest.warns(DeprecationWarning, match="open_shards, which takes an address too"):
        data = open_remote(URL, SMALL, Batching(8))
    assert data.fingerprint() == open_shards(URL, SMALL, Batching(8)).fingerprint()


@pytest.mark.parametrize("name", ["is_sharded", "open_remote", "open_shards"])
def test_names_that_lay_with_the_shards_still_do_and_say_where_they_are(name):
    room = importlib.import_module("senet.data.shards")
    with pytest.warns(DeprecationWarning, match=rf"senet\.data\.shards\.{name} is deprecated: use senet\.data"):
        assert callable(getattr(room, name))


def test_the_user_decides_where_the_copy_lies(plain, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "large"))
    opened(URL)
    copy = shard_cache_folder(URL)
    assert copy.parent == tmp_path / "large" / "senet" / "shards"
    assert {path.name for path in copy.glob("*.tar")} == {path.name for path in plain.iterdir()}
    assert shard_cache_folder("memory://other/data") != copy, "addresses that end alike are not one"
