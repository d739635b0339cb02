import pytest
import torch

from senet.data.loader.dataset import Augmentation, Dataset, Split, channel_statistics
from senet.data.loader.memory_feed import MemoryFeed, crop_and_flip, draw_crops_and_flips
from senet.data.sampling.batch_order import Batching, batch_indices
from senet.data.sampling.seeding import generator
from senet.data.transforms.evaluation import InputTransform


def numbered(count, size=6, channels=2):
    images = torch.randint(1, 255, (count, channels, size, size), dtype=torch.uint8)
    return Split(images, torch.arange(count))


AUGMENTED = Augmentation(2, True)


def collect(split, augmentation=AUGMENTED, batch_size=4, seed=1, epoch=1):
    data = Dataset("numbered", (), split, split, split, augmentation, (0.5,), (0.5,))
    return list(MemoryFeed(data, Batching(batch_size)).train_batches(seed, epoch))


def test_every_image_comes_exactly_once_an_epoch():
    labels = torch.cat([labels for _, labels in collect(numbered(23))])
    assert sorted(labels.tolist()) == list(range(23))


def test_crop_and_flip_equal_a_loop_over_pixels():
    images = numbered(5).images
    offsets, flips = draw_crops_and_flips(5, Augmentation(2, True), generator("test"))
    assert 0 < flips.sum() < 5, "the draw should hold both cases"
    out = crop_and_flip(images, offsets, flips, padding=2)
    for b, c, y, x in ((b, c, y, x) for b in range(5) for c in range(2) for y in range(6) for x in range(6)):
        source_x = 5 - x if flips[b] else x
        row, column = y + offsets[b, 0] - 2, source_x + offsets[b, 1] - 2
        inside = 0 <= row < 6 and 0 <= column < 6
        assert out[b, c, y, x] == (images[b, c, row, column] if inside else 0)


def test_without_padding_and_flip_images_are_untouched():
    split = numbered(8)
    for images, labels in collect(split, augmentation=Augmentation(0, False)):
        assert torch.equal(images, split.images[labels])


def test_a_sample_is_augmented_alike_in_any_batch_size():
    split = numbered(12)
    small, large = (
        {
            int(label): image
            for images, labels in collect(split, batch_size=size)
            for image, label in zip(images, labels, strict=True)
        }
        for size in (3, 12)
    )
    assert all(torch.equal(small[i], large[i]) for i in range(12))


@pytest.mark.parametrize("change", [{"seed": 2}, {"epoch": 2}])
def test_order_and_augmentation_change_with_seed_and_epoch(change):
    split = numbered(32)
    (images, labels), (other_images, other_labels) = (collect(split, batch_size=32, **c)[0] for c in ({}, change))
    assert not torch.equal(labels, other_labels)
    assert not torch.equal(images[labels.argsort()], other_images[other_labels.argsort()])


def test_order_does_not_depend_on_the_augmentation():
    split = numbered(16)
    first, second = (collect(split, augmentation=Augmentation(p, f)) for p, f in ((0, False), (2, True)))
    assert all(torch.equal(a[1], b[1]) for a, b in zip(first, second, strict=True))


def test_crops_reach_every_offset_and_flips_half():
    offsets, flips = draw_crops_and_flips(20_000, Augmentation(2, True), generator("uniform"))
    counts = torch.stack([torch.bincount(offsets[:, axis], minlength=5) for axis in (0, 1)])
    assert counts.shape == (2, 5)
    assert ((counts / 20_000 - 0.2).abs() < 0.015).all()
    assert abs(flips.float().mean() - 0.5) < 0.015


@pytest.mark.parametrize(("count", "sizes"), [(9, [4, 5]), (8, [4, 4]), (10, [4, 4, 2]), (1, [1]), (3, [3])])
def test_a_last_batch_of_one_joins_the_one_before(count, sizes):
    assert [len(part) for part in batch_indices(torch.arange(count), 4)] == sizes


def test_statistics_and_normalisation_give_mean_zero_and_deviation_one():
    images = numbered(50, size=8, channels=3).images
    out = InputTransform((8, 8), 8, *channel_statistics(images)).normalise(images)
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std((0, 2, 3), unbiased=False), torch.ones(3), atol=1e-5, rtol=0)


def test_channel_statistics_equal_torch_and_a_constant_channel_divides_by_one():
    images = numbered(10, channels=2).images
    images[:, 1] = 51
    mean, std = channel_statistics(images)
    scaled = images[:, 0].double() / 255
    assert mean == pytest.approx((scaled.mean().item(), 0.2), abs=1e-6)
    assert std == pytest.approx((scaled.std(unbiased=False).item(), 1.0), abs=1e-6)
