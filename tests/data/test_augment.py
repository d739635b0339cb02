import math
import pickle

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import RandomResizedCrop as Torchvisions
from torchvision.transforms import v2
from zoo import scene

from senet.data.sampling.seeding import preserve_rng_state, seed_all
from senet.data.transforms.augment import (
    ColourJitter,
    Flip,
    PixelJitter,
    RandomCrop,
    RandomResizedCrop,
    Rotation,
    TrivialAugment,
    imagenet_transforms,
    senet_transforms,
)

ALL = (
    *senet_transforms(16),
    *imagenet_transforms(16),
    RandomCrop(16, 2),
    ColourJitter(0.4, 0.4, 0.4, 0.1),
    TrivialAugment(),
)


def drawn(transform, image, *key):
    with preserve_rng_state():
        seed_all(*key)
        return np.asarray(transform(image))


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_a_transform_depends_on_the_key_alone_and_travels_to_other_processes(transform):
    image = scene(1, 40, 50)
    first, again = drawn(transform, image, "a"), drawn(pickle.loads(pickle.dumps(transform)), image, "a")
    assert np.array_equal(first, again)
    assert any(not np.array_equal(first, drawn(transform, image, "b", i)) for i in range(9))
    assert type(transform)(**vars(transform)) == transform


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ColourJitter(0.4, 0.3, 0.2, 0.1), v2.ColorJitter(0.4, 0.3, 0.2, 0.1)),
        (TrivialAugment(), v2.TrivialAugmentWide()),
        (RandomCrop(20, 4), v2.RandomCrop(20, 4)),
    ],
)
def test_what_torchvision_has_is_torchvisions(ours, theirs):
    image = scene(3, 32, 32)
    for key in range(20):
        assert np.array_equal(drawn(ours, image, key), drawn(theirs, image, key))


@pytest.mark.parametrize(("width", "height"), [(500, 375), (200, 640), (2000, 20), (20, 2000), (1, 1)])
def test_boxes_lie_inside_and_are_distributed_as_torchvisions(width, height):
    crop, count = RandomResizedCrop(), 1500
    with preserve_rng_state():
        seed_all("boxes")
        ours = np.array([crop.box(width, height) for _ in range(count)], float)
        image = Image.new("L", (width, height))
        theirs = np.array([Torchvisions.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(count)], float)
    left, top, right, bottom = ours.T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= width).all()
    assert (bottom <= height).all()
    mine = np.stack([top, left, bottom - top, right - left], axis=1)
    error = np.sqrt((mine.var(0) + theirs.var(0)) / count)
    assert (np.abs(mine.mean(0) - theirs.mean(0)) <= 4.5 * error + 1e-9).all()


def test_a_crop_is_the_resized_box():
    image, crop = scene(4, 60, 80), RandomResizedCrop(16)
    with preserve_rng_state():
        seed_all("x")
        left, top, right, bottom = crop.box(80, 60)
    expected = v2.functional.resized_crop(image, top, left, bottom - top, right - left, [16, 16])
    assert np.array_equal(drawn(crop, image, "x"), np.asarray(expected))


def test_area_and_aspect_reach_their_ends_and_go_no_further():
    crop = RandomResizedCrop(area=(0.2, 0.5), aspect=(0.5, 2.0))
    with preserve_rng_state():
        seed_all("ends")
        boxes = np.array([crop.box(1000, 1000) for _ in range(3000)])
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area, aspect = w * h / 1e6, np.log(w / h)
    assert area.min() == pytest.approx(0.2, abs=0.005)
    assert area.max() == pytest.approx(0.5, abs=0.005)
    assert aspect.min() == pytest.approx(math.log(0.5), abs=0.01)
    assert aspect.max() == pytest.approx(math.log(2), abs=0.01)


def test_a_flip_mirrors_half_of_the_images():
    image = scene(5, 4, 4)
    mirrored = np.asarray(image)[:, ::-1]
    results = [drawn(Flip(), image, "flip", i) for i in range(400)]
    count = sum(np.array_equal(result, mirrored) for result in results)
    assert all(np.array_equal(r, mirrored) or np.array_equal(r, np.asarray(image)) for r in results)
    assert 160 < count < 240


def test_pixel_jitter_is_uniform_over_41_levels_and_each_pixel_and_channel_has_its_own():
    grey = Image.new("RGB", (60, 60), (128, 128, 128))
    noise = drawn(PixelJitter(20), grey, "jitter").astype(int) - 128
    counts = np.bincount(noise.ravel() + 20, minlength=41)
    assert len(counts) == 41
    assert counts.min() > 0.6 * noise.size / 41
    for one, other in ((noise[..., 0], noise[..., 1]), (noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.08


@pytest.mark.parametrize("level", [0, 255])
def test_pixel_jitter_clips_and_does_not_wrap(level):
    out = drawn(PixelJitter(20), Image.new("RGB", (9, 9), (level,) * 3), "clip").astype(int)
    assert np.abs(out - level).max() <= 20


def test_rotation_turns_by_up_to_ten_degrees_either_way():
    image = Image.new("L", (201, 201))
    image.paste(255, (100, 0, 101, 100))  # a line straight up
    angles = []
    for i in range(200):
        top = drawn(Rotation(10), image, "turn", i)[10]
        angles.append(math.degrees(math.atan2(100 - np.average(np.arange(201), weights=top), 90)))
    assert -10.3 < min(angles) < -9
    assert 9 < max(angles) < 10.3
    assert abs(np.mean(angles)) < 1.6


def test_the_released_models_augmentation_is_what_their_authors_state():
    rotation, crop, flip, jitter = senet_transforms()
    assert (rotation.degrees, crop.size, crop.area, crop.aspect) == (10, 224, (0.08, 1.0), (3 / 4, 4 / 3))
    assert (flip.probability, jitter.amount) == (0.5, 20)
