"""What a user says of the input: it wins over data and weights, that is said, and it is part of what a run is."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from senet.data import DataConfig, InputTransform, Loading, MemoryFeed
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings, with_channels
from senet.errors import UsageError
from senet.training import Recipe, open_feed

MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
BASE = InputTransform((28, 28), 28, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (root / split / label).mkdir(parents=True)
            for i in range(6):
                pixels = np.random.default_rng(i).integers(0, 255, (28, 28, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / label / f"{i}.png")
    return root


def opened(source, given=NO_INPUT_SETTINGS, **data):
    return open_feed(DataConfig(source, input=given, **data), Recipe(batch_size=4, augment=False), Loading())


@pytest.mark.parametrize("keep", [True, False])
def test_mean_and_deviation_are_taken_and_travel(root, keep):
    feed = opened(f"folder:{root}", InputSettings(mean=MEAN, std=STD), in_memory=keep)
    assert (feed.transform.mean, feed.transform.std) == (MEAN, STD)
    images, _ = next(iter(feed.test))
    expected = (images.double() / 255 - torch.tensor(MEAN).double()[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(feed.transform.normalise(images).double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("keep", [True, False])
def test_grey_images_are_pillows_and_the_network_sees_one_channel(root, keep):
    feed = opened(f"folder:{root}", InputSettings(in_channels=1), in_memory=keep)
    assert feed.transform.shape == (1, 28, 28)
    with Image.open(root / "test/cat/0.png") as file:
        expected = np.asarray(file.convert("L"))
    np.testing.assert_array_equal(next(iter(feed.test))[0][0, 0].numpy(), expected)
    assert next(feed.train_batches(0, 1))[0].shape[1:] == (1, 28, 28)


def test_luminance_of_a_tensor_is_pillows():
    pixels = torch.randint(0, 256, (2, 3, 40, 40), dtype=torch.uint8)
    for image, grey in zip(pixels, with_channels(pixels, 1), strict=True):
        wanted = np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"))
        np.testing.assert_array_equal(grey[0].numpy(), wanted)


def test_grey_data_becomes_three_equal_channels_with_the_statistics_of_the_one():
    grey, three = opened("digits"), opened("digits", InputSettings(in_channels=3))
    assert isinstance(three, MemoryFeed)
    assert three.transform.shape == (3, 8, 8)
    assert three.transform.mean == grey.transform.mean * 3
    images = next(iter(three.test))[0]
    assert torch.equal(images, next(iter(grey.test))[0].expand(-1, 3, -1, -1))


@pytest.mark.parametrize("keep", [True, False])
def test_crop_pct_and_interpolation_are_taken_in_evaluation_as_torchvision_has_them(root, keep):
    from torchvision.transforms import v2

    given = InputSettings(interpolation="bicubic", crop_pct=0.875)
    feed = opened(f"folder:{root}", given, in_memory=keep)
    assert (feed.transform.resize, feed.transform.interpolation) == (32, "bicubic")
    steps = v2.Compose([v2.Resize(32, v2.InterpolationMode.BICUBIC), v2.CenterCrop(28)])
    with Image.open(root / "test/cat/0.png") as file:
        expected = np.asarray(steps(file.convert("RGB")))
    np.testing.assert_array_equal(next(iter(feed.test))[0][0].permute(1, 2, 0).numpy(), expected)


GIVEN = {
    "mean": InputSettings(mean=MEAN),
    "std": InputSettings(std=STD),
    "interpolation": InputSettings(interpolation="nearest"),
    "crop_pct": InputSettings(crop_pct=0.9),
    "in_channels": InputSettings(in_channels=1),
}


@pytest.mark.parametrize("keep", [True, False])
def test_whatever_is_said_is_part_of_what_the_data_is(root, keep):
    found = {name: opened(f"folder:{root}", one, in_memory=keep).fingerprint() for name, one in GIVEN.items()}
    found["nothing"] = opened(f"folder:{root}", in_memory=keep).fingerprint()
    assert len(set(found.values())) == len(found)
    assert opened(f"folder:{root}", InputSettings(), in_memory=keep).fingerprint() == found["nothing"]


WRONG = {
    "two numbers": (lambda: InputSettings(mean=(0.5, 0.5)), "--mean has 2 values"),
    "one for three": (lambda: InputSettings(mean=(0.5,)).over(BASE), "1 value, but images have 3 channels"),
    "three for one": (lambda: InputSettings(std=STD, in_channels=1), "3 values, but images have 1 channel"),
    "nan": (lambda: InputSettings(mean=(float("nan"),) * 3), "finite"),
    "no deviation": (lambda: InputSettings(std=(0.1, 0.0, 0.1)), "above 0"),
    "a share": (lambda: InputSettings(crop_pct=1.1), r"not in \(0, 1\]"),
    "no share": (lambda: InputSettings(crop_pct=0.0), r"not in \(0, 1\]"),
    "a filter": (lambda: InputSettings(interpolation="cubic"), "'cubic' is not one of"),
    "channels": (lambda: InputSettings(in_channels=4), "4 is not one of 1, 3"),
    "arrays": (lambda: opened("digits", InputSettings(crop_pct=0.9)), "digits has its own size"),
    "arrays too": (lambda: opened("digits", InputSettings(interpolation="nearest")), "--interpolation out"),
    "of one channel": (lambda: opened("digits", InputSettings(mean=MEAN)), "3 values, but images have 1 channel"),
}


@pytest.mark.parametrize(("make", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(UsageError) as error:
        make()
    assert re.search(said, str(error.value))


def test_caffes_order_and_range_are_kept_or_turned():
    caffe = InputTransform((28, 28), 28, (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), channel_order="BGR", range=255)
    turned = InputSettings(mean=MEAN).over(caffe)
    assert (turned.mean, turned.range) == (MEAN[::-1], 1)
    assert turned.std == pytest.approx((1 / 255,) * 3)
    images = torch.randint(0, 256, (1, 3, 4, 4), dtype=torch.uint8)
    expected = (images.flip(1) / 255 - torch.tensor(MEAN[::-1])[:, None, None]) * 255
    torch.testing.assert_close(turned.normalise(images), expected, rtol=1e-5, atol=1e-3)
    assert InputSettings(crop_pct=1.0).over(caffe) == caffe
    grey = InputSettings(in_channels=1).over(caffe)
    assert grey.mean == pytest.approx((0.299 * 123 + 0.587 * 117 + 0.114 * 104,), abs=0.01)


def test_what_is_replaced_is_said_and_what_is_the_same_is_not():
    given = InputSettings(mean=MEAN, std=BASE.std, interpolation="bicubic", crop_pct=0.9)
    assert given.replaced(BASE, "the weights say") == (
        "the weights say mean 0.485 0.456 0.406; --mean takes 0.1 0.2 0.3",
        "the weights say interpolation bilinear; --interpolation takes bicubic",
        "the weights say crop pct 1.0; --crop-pct takes 0.9",
    )
    assert NO_INPUT_SETTINGS.replaced(BASE, "the weights say") == ()


def test_words_of_a_command_say_the_same():
    given = InputSettings(MEAN, STD, "bicubic", 0.9, 3)
    words = "--mean 0.1 0.2 0.3 --std 0.4 0.5 0.6 --interpolation bicubic --crop-pct 0.9 --in-channels 3"
    assert given.flags() == words.split()
