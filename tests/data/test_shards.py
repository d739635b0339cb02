import json
import tarfile

import pytest
import torch
from tars import numbers, opened, picture, sample, shards, tar
from zoo import STANDARD, TRANSFORM, feed, folder

from senet.data.loader.feed import Feed
from senet.data.loader.open_stream import open_shards, open_source
from senet.data.loader.stream_split import Loading
from senet.data.sampling.batch_order import Balanced, Batching
from senet.data.shards.layout import is_sharded
from senet.data.shards.pack import ShardSize, pack
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError, UsageError


@pytest.fixture
def packed(tmp_path):
    root = folder(tmp_path / "photos", train=10, held_out=("val", "test"))
    pack(FolderSource(root), tmp_path / "shards", ShardSize(samples=6))
    return root, tmp_path / "shards"


def stream(root, workers=0, batch_size=4):
    return open_shards(root, TRANSFORM, Batching(batch_size, STANDARD), Loading(workers=workers))


def equal(one, other):
    return 0 < len(one) == len(other) and all(
        torch.equal(a, b) and torch.equal(x, y) for (a, x), (b, y) in zip(one, other, strict=True)
    )


def test_packed_shards_score_the_pixels_and_labels_of_the_folder(packed):
    root, out = packed
    for split in ("validation", "test"):
        assert equal(list(getattr(stream(out), split)), list(getattr(feed(root), split)))
    assert stream(out).classes == ("cat", "dog")
    assert len(stream(out).train) == 20


def test_tarfile_reads_the_bytes_of_every_file_from_packed_shards(packed):
    root, out = packed
    found = []
    for path in sorted(out.glob("train-*.tar")):
        with tarfile.open(path) as archive:
            data = {name: archive.extractfile(name).read() for name in archive.getnames()}
        for name in data:
            if name.endswith(".jpg"):
                found.append((data[name], ("cat", "dog")[int(data[name.removesuffix("jpg") + "cls"])]))
    assert sorted(found) == sorted((p.read_bytes(), p.parent.name) for p in (root / "train").rglob("*.jpg"))


def test_every_shard_but_the_last_is_full_and_mixes_classes(packed):
    index = json.loads((packed[1] / "index.json").read_text())
    assert [shard["samples"] for shard in index["splits"]["train"]] == [6, 6, 6, 2]
    labels = stream(packed[1]).train.labels
    assert all(set(part.tolist()) == {0, 1} for part in labels[:18].split(6))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_epoch_of_shards_can_be_entered_at_any_step_with_any_number_of_workers(packed, workers):
    whole = list(stream(packed[1]).train_batches(7, 2))
    assert len(whole) == 5
    for first in (0, 3):
        assert equal(list(stream(packed[1], workers).train_batches(7, 2, first)), whole[first:])


def test_hand_written_webdataset_is_read_every_image_once_with_its_label(tmp_path):
    data = opened(shards(tmp_path, 5, 7))
    assert isinstance(data.steps_per_epoch, int)
    for epoch in (1, 2):
        batches = list(data.train_batches(1, epoch))
        seen = [n for images, _ in batches for n in numbers(images)]
        assert len(batches) == data.steps_per_epoch
        assert sorted(seen) == list(range(35))
        assert [n % 2 for n in seen] == torch.cat([labels for _, labels in batches]).tolist()
        names = [name for step in range(len(batches)) for name in data.sample_ids(1, epoch, step)]
        assert names == [f"train-{n // 7:05}.tar/{n:06}.ppm" for n in seen]


def test_labels_may_be_names_or_fields_of_json_and_folders_hold_splits(tmp_path):
    tar(tmp_path / "train" / "0.tar", [("a/x.y/1.PPM", picture(1)), ("a/x.y/1.cls", b"otter\n"),
                                       ("a/2.ppm", picture(2)), ("a/2.json", b'{"label": "cat", "by": [1]}'),
                                       ("a/2.txt", b"a cat")])  # fmt: skip
    tar(tmp_path / "validation" / "0.tar", [("3.ppm", picture(3)), ("3.cls", b"otter")])
    data = opened(tmp_path)
    assert data.classes == ("cat", "otter")
    assert data.train.labels.tolist() == [1, 0]
    images, labels = next(iter(data.test))
    assert (numbers(images), labels.tolist()) == ([3], [1])


def test_validation_is_carved_where_one_split_is_held_out(tmp_path):
    data = opened(shards(tmp_path, 5, 8), share=0.1)
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 4)
    held = numbers(next(iter(data.validation))[0])
    seen = [n for images, _ in data.train_batches(1, 1) for n in numbers(images)]
    assert sorted(held + seen) == list(range(40))


def test_another_order_than_shuffling_is_kept(tmp_path):
    data = opened(shards(tmp_path, 5, 8), batching=Batching(40, order=Balanced()))
    assert data.batching.order == Balanced()


@pytest.mark.parametrize(
    ("labels", "said"),
    [((0, 2), "must be 0 to K - 1"), ((0, "cat"), "some labels are numbers"), ((0, 0), "two at least")],
)
def test_labels_that_would_be_counted_wrong_are_refused(tmp_path, labels, said):
    tar(tmp_path / "train-0.tar", [m for n, label in enumerate(labels) for m in sample(n, label)])
    tar(tmp_path / "test-0.tar", sample(0))
    with pytest.raises(DataError, match=said):
        opened(tmp_path)


def test_a_label_that_train_has_not_is_refused(tmp_path):
    shards(tmp_path, 2)
    tar(tmp_path / "test-00000.tar", sample(0, 7))
    with pytest.raises(DataError, match="unknown, '7'"):
        opened(tmp_path)


def test_the_fingerprint_is_of_contents_classes_and_order_wherever_the_shards_lie(packed, tmp_path):
    first = stream(packed[1]).fingerprint()
    assert stream(packed[1].rename(tmp_path / "moved")).fingerprint() == first
    assert opened(shards(tmp_path / "a", 2)).fingerprint() != opened(shards(tmp_path / "b", 2, test=5)).fingerprint()


def test_a_feed_of_shards_is_what_the_training_loop_asks_for(packed):
    assert all(hasattr(stream(packed[1]), name) for name in vars(Feed) if not name.startswith("_"))


def test_a_folder_is_told_from_shards(packed):
    (packed[0] / "train.tar").write_bytes(b"beside the folder that was packed")
    assert [is_sharded(path) for path in (*packed, packed[0] / "nothing")] == [False, True, False]


def test_sources_are_opened_by_name(packed):
    names = [f"folder:{packed[0]}", f"shards:{packed[1]}", f"shards:file://{packed[1]}"]
    feeds = [open_source(name, TRANSFORM, Batching(4), Loading()) for name in names]
    assert [found.name for found in feeds] == names
    assert len({found.classes for found in feeds}) == 1
    for name in ("shard:x", "folder:", "photos"):
        with pytest.raises(UsageError, match="no data set is called") as error:
            open_source(name, TRANSFORM, Batching(4), Loading())
        assert "folder:PATH, list:FILE.csv, shards:PATH" in error.value.do
