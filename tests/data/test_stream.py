import subprocess
import sys

import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from zoo import STANDARD, TRANSFORM, feed, folder

from senet.data.loader.feed import Feed
from senet.data.loader.memory_feed import MemoryFeed
from senet.data.loader.open_stream import open_folder
from senet.data.sampling.batch_order import Balanced, Batching
from senet.data.sampling.split import stratified_split
from senet.data.transforms.augment import PixelJitter
from senet.data.transforms.evaluation import InputTransform
from senet.errors import DataError


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos", train=10)


def test_evaluation_pixels_and_order_are_torchvisions_image_folder(root):
    steps = [v2.Resize(18), v2.CenterCrop(16), v2.PILToTensor()]
    reference = ImageFolder(root / "test", v2.Compose(steps))
    images, labels = next(iter(feed(root).test))
    assert feed(root).classes == tuple(reference.classes)
    assert torch.equal(images, torch.stack([image for image, _ in reference]))
    assert labels.tolist() == reference.targets


def test_an_epoch_has_every_image_once_with_its_own_label(root):
    data = feed(root, batch_size=6)
    names = [name for step in range(data.steps_per_epoch) for name in data.sample_ids(1, 1, step)]
    labels = torch.cat([labels for _, labels in data.train_batches(1, 1)])
    assert sorted(names) == sorted(f"train/{c}/{i:02}.jpg" for c in ("cat", "dog") for i in range(10))
    assert [data.classes[i] for i in labels.tolist()] == [name.split("/")[1] for name in names]


def test_images_are_those_that_the_ids_name(root):
    data = feed(root, transforms=(TRANSFORM.cropped,), batch_size=6)
    images, _ = next(data.train_batches(1, 1))
    for image, name in zip(images, data.sample_ids(1, 1, 0), strict=True):
        assert torch.equal(image, TRANSFORM.pixels(Image.open(root / name)))


def test_a_sample_is_augmented_alike_in_any_batch_and_differently_in_another_epoch(root):
    def by_name(size, epoch):
        data = feed(root, batch_size=size)
        names = [name for step in range(data.steps_per_epoch) for name in data.sample_ids(1, epoch, step)]
        return dict(zip(names, torch.cat([images for images, _ in data.train_batches(1, epoch)]), strict=True))

    small, large, later = by_name(3, 1), by_name(20, 1), by_name(20, 2)
    assert all(torch.equal(small[name], large[name]) for name in small)
    assert not any(torch.equal(small[name], later[name]) for name in small)


def test_an_image_that_is_drawn_twice_is_not_augmented_alike(root):
    for path in list((root / "train" / "dog").iterdir())[1:]:
        path.unlink()
    batching = Batching(11, (TRANSFORM.cropped, PixelJitter(20)), Balanced())
    data = open_folder(root, TRANSFORM, batching, validation_share=0)
    images, labels = next(data.train_batches(1, 1))
    rare = images[labels == 1]
    assert len(rare) > 2
    assert len({tuple(image.flatten().tolist()) for image in rare}) == len(rare)


def test_validation_is_carved_as_in_memory_where_one_split_is_held_out(root):
    data = feed(root, share=0.1)
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 6)
    whole = feed(root).train
    from senet.data import Split

    split = Split(torch.arange(20), whole.labels)
    rest, taken = stratified_split(split, 0.1, 0, "val")
    assert [whole.samples.name(i) for i in taken.images.tolist()] == list(data.validation.sample_ids(0))
    assert len(rest) == 18


def test_without_a_share_validation_and_test_are_one_object(root):
    data = feed(root)
    assert data.validation is data.test


def test_val_and_test_folders_are_both_used(tmp_path):
    data = feed(folder(tmp_path / "both", train=4, test=3, held_out=("val", "test")), share=0.5)
    assert (len(data.train), len(data.validation), len(data.test)) == (8, 6, 6)
    assert data.validation.sample_ids(0)[0].startswith("val/")


def test_grey_networks_get_one_channel(root):
    grey = InputTransform((16, 16), 18, (0.5,), (0.5,))
    data = open_folder(root, grey, Batching(4, STANDARD), validation_share=0)
    assert next(data.train_batches(1, 1))[0].shape == (4, 1, 16, 16)
    assert next(iter(data.test))[0].shape == (6, 1, 16, 16)


def test_a_batch_that_cannot_be_read_at_all_stops_even_where_images_may_be_skipped(root):
    for path in (root / "train").rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="0 of 4 images"):
        list(feed(root, on_error="skip").train_batches(1, 1))


def test_what_was_skipped_is_logged(root, caplog):
    (root / "train" / "cat" / "00.jpg").write_bytes(b"")
    list(feed(root, on_error="skip").train_batches(1, 1))
    assert "left out: train/cat/00.jpg (sample 0): the file is empty" in caplog.text


def test_both_feeds_are_what_the_training_loop_asks_for(root):
    def accepts(feed: Feed) -> int:
        return feed.steps_per_epoch

    from senet.data import DataConfig, load

    memory = MemoryFeed(load(DataConfig("digits")), Batching(100))
    wanted = [name for name in vars(Feed) if not name.startswith("_")]
    assert {"transform", "train_batches", "validation", "test"} <= set(wanted)
    for data in (feed(root), memory):
        assert accepts(data) > 0
        assert all(hasattr(data, name) for name in wanted)


def test_skipped_test_batches_may_be_empty_and_are_left_out(tmp_path):
    root = folder(tmp_path / "photos")
    for path in (root / "test").rglob("*.jpg"):
        path.write_bytes(b"")
    test = feed(root, on_error="skip").test
    assert list(test) == []
    assert len(test) == 6


def test_importing_the_room_does_not_import_torchvision():
    """It takes seconds, and worker processes of a study would wait for it."""
    code = "import sys, senet.data; print('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
