from dataclasses import replace

import pytest
import torch

from reference import normalised, training_batches
from senet.data import Augmentation, Dataset, Normaliser, Split
from senet.data import training_batches as deprecated_batches
from senet.data.loader.memory_feed import MemoryFeed
from senet.data.sampling.batch_order import Balanced, Batching
from senet.data.sampling.rank_share import Share
from senet.data.transforms.augment import Flip, PixelJitter, RandomResizedCrop
from senet.errors import DataError, UsageError


def split(count, channels=3):
    return Split(torch.randint(0, 256, (count, channels, 8, 8), dtype=torch.uint8), torch.arange(count) % 2)


def data(train=23, channels=3):
    stats = (0.5,) * channels, (0.25,) * channels
    return Dataset(
        "toy", ("a", "b"), split(train, channels), split(5, channels), split(7, channels), Augmentation(1, True), *stats
    )


def collect(feed, seed=1, epoch=2, first=0):
    return list(feed.train_batches(seed, epoch, first))


def same(one, other):
    pairs = list(zip(one, other, strict=True))
    return all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in pairs) and bool(pairs)


def test_batches_are_those_of_the_reference_to_the_byte():
    toy = data()
    feed = MemoryFeed(toy, Batching(4))
    assert same(collect(feed), training_batches(toy.train, toy.augmentation, 4, 1, 2))
    plain = MemoryFeed(toy, Batching(4), Augmentation(0, False))
    assert same(collect(plain), training_batches(toy.train, Augmentation(0, False), 4, 1, 2))
    assert feed.steps_per_epoch == len(collect(feed)) == 6


@pytest.mark.parametrize("batching", [Batching(4), Batching(4, (Flip(), PixelJitter(5))), Batching(4, (), Balanced())])
@pytest.mark.parametrize("first", [1, 5])
def test_an_epoch_can_be_entered_at_any_step(batching, first):
    feed = MemoryFeed(data(), batching)
    assert same(collect(feed)[first:], collect(feed, first=first))


@pytest.mark.parametrize("channels", [1, 3])
def test_transforms_are_a_function_of_the_sample_not_of_its_batch(channels):
    feeds = [MemoryFeed(data(channels=channels), Batching(size, (PixelJitter(20),))) for size in (4, 23)]
    torch.manual_seed(0)
    toy = feeds[0].data
    feeds[1] = MemoryFeed(toy, Batching(23, (PixelJitter(20),)))
    small, large = (torch.cat([images for images, _ in collect(feed)]) for feed in feeds)
    assert torch.equal(small, large)
    assert not torch.equal(large, torch.cat([i for i, _ in collect(MemoryFeed(toy, Batching(23)))]))


def test_an_image_that_is_drawn_twice_is_not_augmented_alike():
    toy = data(train=30)
    toy.train.labels[:] = 0
    toy.train.labels[0] = 1
    feed = MemoryFeed(toy, Batching(30, (PixelJitter(20),), Balanced()))
    images, labels = collect(feed)[0]
    rare = images[labels == 1]
    assert len(rare) > 5
    assert len({tuple(image.flatten().tolist()) for image in rare}) == len(rare)


@pytest.mark.parametrize("batching", [Batching(7), Batching(7, (Flip(), PixelJitter(5))), Batching(7, (), Balanced())])
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_together_have_the_batches_of_one(batching, ranks):
    toy = data(train=27)
    whole = MemoryFeed(toy, batching)
    parts = [MemoryFeed(toy, batching, share=Share(rank, ranks)) for rank in range(ranks)]
    streams = [collect(part) for part in parts]
    for step, (images, labels) in enumerate(collect(whole)):
        assert torch.equal(torch.cat([stream[step][0] for stream in streams]), images)
        assert torch.equal(torch.cat([stream[step][1] for stream in streams]), labels)
        assert sum((part.sample_ids(1, 2, step) for part in parts), ()) == whole.sample_ids(1, 2, step)
    assert {part.steps_per_epoch for part in parts} == {whole.steps_per_epoch}


def test_ranks_together_score_every_image_of_memory_once():
    toy = data(train=24)
    parts = [replace(MemoryFeed(toy, Batching(4), share=Share(rank, 2)).test, batch_size=2) for rank in range(2)]
    assert [[len(images) for images, _ in part] for part in parts] == [[2, 2], [2, 1]]
    assert [len(part) for part in parts] == [4, 3]
    assert torch.equal(torch.cat([images for part in parts for images, _ in part]), toy.test.images)
    assert torch.equal(torch.cat([labels for part in parts for _, labels in part]), toy.test.labels)
    assert parts[1].sample_ids(0) == ("test image 4", "test image 5")
    assert list(replace(parts[1], batch_size=7)) == [], "no batch, in place of one without images"


def test_a_batch_that_leaves_a_rank_of_memory_one_image_is_refused():
    with pytest.raises(UsageError, match="leaves 3 of 23 images"):
        MemoryFeed(data(), Batching(4), share=Share(0, 2))


def test_a_transform_that_changes_the_size_is_refused():
    with pytest.raises(DataError, match="made"):
        collect(MemoryFeed(data(), Batching(4, (RandomResizedCrop(5),))))


def test_held_out_splits_are_whole_and_in_order():
    feed = MemoryFeed(data(), Batching(4))
    assert (len(feed.validation), len(feed.test)) == (5, 7)
    images, labels = next(iter(feed.test))
    assert torch.equal(images, feed.data.test.images)
    assert torch.equal(labels, feed.data.test.labels)
    assert feed.test.sample_ids(0) == tuple(f"test image {i}" for i in range(7))
    assert feed.validation is not feed.test


def test_the_transform_is_the_references_and_the_ids_are_the_labels_positions():
    feed = MemoryFeed(data(), Batching(4))
    images, labels = collect(feed)[3]
    assert torch.equal(feed.transform.normalise(images), normalised(images, feed.data.mean, feed.data.std))
    index = [int(name.split()[-1]) for name in feed.sample_ids(1, 2, 3)]
    assert torch.equal(feed.data.train.labels[index], labels)
    assert feed.fingerprint() == feed.data.fingerprint()
    assert (feed.name, feed.classes) == ("toy", ("a", "b"))


def test_deprecated_names_still_work_and_name_what_replaced_them():
    toy = data()
    with pytest.warns(DeprecationWarning, match="MemoryFeed"):
        batches = deprecated_batches(toy.train, toy.augmentation, 4, 1, 2)
    assert same(batches, training_batches(toy.train, toy.augmentation, 4, 1, 2))
    with pytest.warns(DeprecationWarning, match="transform.normalise"):
        normalise = Normaliser((0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    images = toy.train.images
    assert torch.equal(normalise(images), normalised(images, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)))


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(UsageError, match="batch_size=0"):
        Batching(0)
