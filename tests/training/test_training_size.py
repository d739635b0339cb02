"""The size that training takes is that of most images: no flag that says another thing moves it, and no sample."""

import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from senet.data import DataConfig, Loading, MemoryFeed, StreamFeed, open_data
from senet.data.images.sizes import HEAD, count_sizes, header_size, read_image_sizes
from senet.data.loader.samples import pack_paths
from senet.data.shards.pack import ShardSize
from senet.data.shards.pack import pack as pack_shards
from senet.data.transforms.evaluation import centre_crop, resize_short
from senet.training import Recipe, open_feed
from senet.training.feeds import input_notices
from senet.training.recipe.settings import Views

RECIPE = Recipe(batch_size=8, augment=False)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def image(size, seed, mode="RGB"):
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, shape, np.uint8))


def folder(root, usual=(28, 28), count=12, odd=None, mode="RGB"):
    """Two classes; ``odd`` names images by split, class and number, and gives their size."""
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (root / split / label).mkdir(parents=True)
            for i in range(count):
                size = (odd or {}).get((split, label, i), usual)
                image(size, i, mode).save(root / split / label / f"{i:03}.png")
    return root


def opened(source, recipe=RECIPE, on_error="fail", workers=0, **data):
    source = source if isinstance(source, str) else f"folder:{source}"
    return open_feed(DataConfig(source, **data), recipe, Loading(workers, on_error))


def held(feed):
    return torch.cat([images for images, _ in feed.test])


ODD = {("train", "cat", 7): (29, 29)}


def test_row_98_one_odd_image_among_many_is_resized_and_counted_and_moves_nothing_else(tmp_path):
    plain, odd = opened(folder(tmp_path / "a")), opened(folder(tmp_path / "b", odd=ODD))
    assert isinstance(odd, MemoryFeed)
    assert odd.transform.size == plain.transform.size == (28, 28)
    assert input_notices(plain) == ("images are 28 x 28 (all 48)",)
    assert input_notices(odd) == ("images are 28 x 28 (47 of 48; 1 is resized)",)
    assert torch.equal(held(odd), held(plain))


@pytest.mark.parametrize("at", range(12))
def test_row_98_it_does_not_matter_which_image_is_odd(tmp_path, at):
    assert opened(folder(tmp_path, odd={("train", "dog", at): (300, 200)})).transform.size == (28, 28)


FLAGS = {
    "skip": {"on_error": "skip"},
    "streamed": {"in_memory": False},
    "kept": {"in_memory": True},
    "streamed, skip": {"in_memory": False, "on_error": "skip"},
    "half": {"train_fraction": 0.5},
    "augmented": {"recipe": Recipe(batch_size=8)},
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
@pytest.mark.parametrize("odd", [{}, ODD, {("test", "cat", 0): (40, 20)}], ids=["none", "train", "test"])
def test_row_98_flags_that_say_another_thing_leave_the_size_and_the_pixels(tmp_path, flags, odd):
    root = folder(tmp_path, odd=odd)
    feed = opened(root, **flags)
    assert (feed.transform.size, feed.transform.resize) == ((28, 28), 28)
    assert feed.sizes == opened(root).sizes
    assert torch.equal(held(feed), held(opened(root)))
    for images, _ in feed.train_batches(0, 1):
        assert images.shape[1:] == (3, 28, 28)


def test_row_98_shards_take_the_size_of_the_folder_that_they_were_packed_from(tmp_path):
    root = folder(tmp_path / "photos", odd=ODD)
    pack_shards(open_data(DataConfig(f"folder:{root}")), tmp_path / "shards", ShardSize(samples=9))
    feed = opened(f"shards:{tmp_path / 'shards'}")
    assert isinstance(feed, StreamFeed)
    assert (feed.sizes, feed.transform.size) == (opened(root).sizes, (28, 28))
    assert torch.equal(held(feed), held(opened(root)))


def test_row_98_an_odd_image_is_resized_by_its_short_side_and_cropped(tmp_path):
    root = folder(tmp_path, odd={("test", "cat", 0): (45, 30)})
    with Image.open(root / "test/cat/000.png") as file:
        expected = np.asarray(centre_crop(resize_short(file, 28), (28, 28)))
    for feed in (opened(root), opened(root, in_memory=False)):
        np.testing.assert_array_equal(held(feed)[0].permute(1, 2, 0).numpy(), expected)


def test_images_that_are_not_square_keep_their_shape_wherever_they_are_decoded(tmp_path):
    root = folder(tmp_path, usual=(28, 30), odd={("train", "cat", 1): (30, 28)})
    for feed in (opened(root), opened(root, in_memory=False), opened(root, Recipe(batch_size=8), in_memory=False)):
        assert feed.transform.size == (30, 28)
        assert next(feed.train_batches(0, 1))[0].shape[1:] == (3, 30, 28)
    assert input_notices(opened(root)) == ("images are 28 x 30 (47 of 48; 1 is resized)",)


def test_grey_and_colour_are_one_size(tmp_path):
    root = folder(tmp_path)
    image((28, 28), 0, "L").save(root / "train/cat/000.png")
    assert opened(root).sizes.resized == 0


LARGE = "--image-size N changes it"
NO_MAJORITY = {
    "half": (lambda i: (28, 28) if i % 2 else (29, 29), "the most frequent is 28 x 28 (12 of 24)"),
    "all": (lambda i: (20 + i, 28), "have no size that most of them share"),
    "large": (lambda i: (80, 70), "are 80 x 70, larger than 64 x 64"),
    "larger": (lambda i: (80 + i, 70), "larger than 64 x 64, most of them"),
    "half large": (lambda i: (28, 28) if i % 2 else (100, 28), "larger than 64 x 64, most of them"),
}


@pytest.mark.parametrize(("size", "why"), NO_MAJORITY.values(), ids=NO_MAJORITY)
def test_without_a_small_size_of_most_images_it_is_224_and_the_reason_is_said(tmp_path, size, why):
    odd = {(split, label, i): size(i) for split in ("train", "test") for label in ("cat", "dog") for i in range(12)}
    for keep in (None, True):
        feed = opened(folder(tmp_path / str(keep), odd=odd), in_memory=keep)
        assert feed.transform.size == (224, 224)
        line = input_notices(feed)[0]
        assert why in line
        assert line.endswith(f"resized to 224 x 224; {LARGE}")


def test_what_nobody_said_of_streamed_images_is_said(tmp_path):
    root = folder(tmp_path, usual=(80, 70))
    feed = opened(root)
    said = "input: normalised by ImageNet's mean and deviation, the default; set --mean and --std for others"
    assert input_notices(feed)[1] == said
    assert input_notices(feed, "input: scaled as the weights were trained")[1:] == (
        "input: scaled as the weights were trained",
    )


def test_a_size_that_is_named_is_taken_and_no_header_is_read(tmp_path, monkeypatch):
    root = folder(tmp_path, odd=ODD)
    monkeypatch.setattr("senet.training.feeds.read_image_sizes", None)
    feed = opened(root, image_size=32)
    assert (feed.transform.size, feed.sizes) == ((32, 32), None)


def test_views_decide_where_images_are_decoded_as_they_go(tmp_path):
    feed = opened(folder(tmp_path), Recipe(batch_size=8, views=Views(size=24)), in_memory=False)
    assert (feed.transform.size, feed.sizes) == ((24, 24), None)


def test_images_of_one_size_have_the_fingerprint_and_the_statistics_that_they_had(tmp_path):
    """Recorded before sizes were counted."""
    root = tmp_path
    for split, label, value in (("train", "a", 10), ("train", "b", 200), ("test", "a", 60), ("test", "b", 90)):
        (root / split / label).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (6, 6), (value, i, 2 * i)).save(root / split / label / f"{i}.png")
    data = opened(root).data
    assert data.fingerprint() == FINGERPRINT
    assert (data.mean, data.std) == STATISTICS


FINGERPRINT = "6e0645515257728df85e1979aeca81de7bf940196dea997770cf18144cf402d8"
STATISTICS = ((0.411765, 0.007843, 0.015686), (0.372549, 0.003202, 0.006404))


def test_a_small_size_moves_the_fingerprint_of_streamed_images_and_224_does_not(tmp_path):
    root = folder(tmp_path / "a")
    own, named = opened(root, in_memory=False), opened(root, in_memory=False, image_size=224)
    assert own.fingerprint() != named.fingerprint()
    large = folder(tmp_path / "b", usual=(80, 80))
    assert opened(large).fingerprint() == opened(large, image_size=224).fingerprint()


def test_headers_are_read_once_and_again_when_a_file_changes(tmp_path, monkeypatch):
    root = folder(tmp_path, odd=ODD)
    samples = pack_paths(root, sorted(root.rglob("train/*/*.png")))
    counted = count_sizes(samples, lambda found: False)
    assert counted == Counter({(28, 28): 23, (29, 29): 1})
    with monkeypatch.context() as patch:
        patch.setattr("senet.data.images.sizes.header_size", None)
        assert count_sizes(samples, lambda found: False) == counted
    image((28, 31), 0).save(root / "train/cat/007.png")
    assert count_sizes(samples, lambda found: False)[28, 31] == 1


def test_a_cache_that_is_broken_is_said_and_made_anew(tmp_path, caplog):
    samples = pack_paths(tmp_path, sorted(folder(tmp_path).rglob("train/*/*.png")))
    counted = count_sizes(samples, lambda found: False)
    (kept,) = Path(os.environ["XDG_CACHE_HOME"]).rglob("sizes-*.json")
    kept.write_text('{"sizes": [[1, 2]]}')
    assert count_sizes(samples, lambda found: False) == counted
    assert "headers are read again" in caplog.text


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "bmp", "gif", "ppm"])
def test_the_header_states_what_the_pixels_are_also_where_it_lies_far_back(tmp_path, form):
    file = tmp_path / f"x.{form}"
    more = {"exif": b"Exif\0\0" + bytes(60_000)} if form == "jpeg" else {}
    image((301, 203), 0).save(file, **more)
    assert file.stat().st_size > HEAD
    assert header_size(pack_paths(tmp_path, [file]), 0) == (301, 203)


def test_what_has_no_header_counts_for_nothing(tmp_path):
    root = folder(tmp_path)
    (root / "train/cat/000.png").write_bytes(b"torn")
    (root / "train/cat/001.png").write_bytes(b"")
    assert read_image_sizes([pack_paths(root, sorted(root.rglob("train/*/*.png")))]).images == 22
    for name in root.rglob("train/*/*.png"):
        name.write_bytes(b"torn")
    sizes = read_image_sizes([pack_paths(root, sorted(root.rglob("train/*/*.png")))])
    assert str(sizes) == "images have headers that cannot be read"


def test_reading_stops_where_half_of_the_images_are_large(tmp_path, monkeypatch):
    for i in range(40):
        image((90, 90) if i < 22 else (20, 20), i).save(tmp_path / f"{i:02}.png")
    read = []
    monkeypatch.setattr("senet.data.images.sizes.RUN", 1)
    monkeypatch.setattr("senet.data.images.sizes.THREADS", 1)
    real = io.BytesIO
    monkeypatch.setattr("senet.data.images.sizes.io.BytesIO", lambda data: read.append(1) or real(data))
    assert read_image_sizes([pack_paths(tmp_path, sorted(tmp_path.glob("*.png")))]).size is None
    assert len(read) == 20
