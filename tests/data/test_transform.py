import itertools
import json

import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import InterpolationMode
from zoo import decode, scene

from reference import normalised
from senet.data.transforms.evaluation import InputTransform, from_dict, to_tensor
from senet.errors import DataError

IMAGENET = InputTransform((224, 224), 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("height", "width"), [(37, 53), (90, 41), (24, 24), (20, 333), (25, 24)])
def test_pixels_are_torchvisions_resize_and_centre_crop(height, width, interpolation):
    image = scene(1, height, width)
    ours = InputTransform((21, 23), 24, (0.5,) * 3, (0.5,) * 3, interpolation).pixels(image)
    reference = v2.Compose([v2.Resize(24, InterpolationMode(interpolation)), v2.CenterCrop((21, 23)), v2.PILToTensor()])
    assert torch.equal(ours, reference(image))


@pytest.mark.parametrize("size", [12, 16, 31])
def test_an_image_that_is_kept_in_memory_has_the_pixels_that_weights_are_scored_on(size, tmp_path):
    """Of any shape: 37 x 23 is 25.7 x 16, which one way rounded up and the other down."""
    transform = InputTransform((size, size), size, (0.5,) * 3, (0.5,) * 3)
    for height, width in [*itertools.product((11, 23, 50), range(11, 60, 7)), (37, 23), (50, 31), (9, 200)]:
        scene(1, height, width).save(tmp_path / "image.png")
        assert torch.equal(decode(tmp_path / "image.png", size), transform.pixels(scene(1, height, width)))


def test_normalise_is_torchvisions_and_the_references_to_the_bit():
    images = torch.randint(0, 256, (2, 3, 5, 4), dtype=torch.uint8)
    before = images.clone()
    out = IMAGENET.normalise(images)
    reference = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(IMAGENET.mean, IMAGENET.std)])
    torch.testing.assert_close(out, reference(images))
    assert torch.equal(out, normalised(images, IMAGENET.mean, IMAGENET.std))
    assert torch.equal(images, before)
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(2, 1, 5, 4), (1, 1, 1, 1), (3, 3, 1, 1), (2, 3, 1, 7), (2, 3, 7, 1), (0, 3, 4, 4)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalise_takes_any_shape_and_layout(shape, layout):
    images = torch.randint(0, 256, shape, dtype=torch.uint8).contiguous(memory_format=layout)
    stats = (0.4, 0.5, 0.6)[: shape[1]], (0.1, 0.2, 0.3)[: shape[1]]
    out = InputTransform((4, 4), 4, *stats).normalise(images)
    assert torch.equal(out, normalised(images, *stats))


def test_normalise_takes_a_view_of_a_larger_tensor():
    images = torch.randint(0, 256, (6, 3, 9, 9), dtype=torch.uint8)[::2, :, 1:6, 2:8]
    transform = InputTransform((4, 4), 4, (0.5,) * 3, (0.1, 0.2, 0.3))
    assert torch.equal(transform.normalise(images), normalised(images, transform.mean, transform.std))


def test_caffes_networks_see_blue_first_and_0_to_255():
    caffe = InputTransform((2, 2), 2, (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), channel_order="BGR", range=255)
    red = torch.tensor([200, 20, 3], dtype=torch.uint8)[None, :, None, None].expand(1, 3, 2, 2)
    assert caffe.normalise(red)[0, :, 0, 0].tolist() == [3 - 104, 20 - 117, 200 - 123]


def test_a_network_of_one_channel_sees_the_luminance():
    image = scene(2, 30, 30)
    grey = InputTransform((30, 30), 30, (0.5,), (0.5,)).pixels(image)
    assert grey.shape == (1, 30, 30)
    assert torch.equal(grey, v2.PILToTensor()(image.convert("L")))


@pytest.mark.parametrize("transform", [IMAGENET, InputTransform((8, 9), 9, (104.0,), (1.5,), "bicubic", "BGR", 255)])
def test_a_transform_survives_json(transform):
    assert from_dict(json.loads(json.dumps(transform.to_dict()))) == transform


@pytest.mark.parametrize(
    ("said", "size", "resize"),
    [
        ({"input_size": [3, 224, 224], "crop_pct": 0.875, "interpolation": "bicubic"}, (224, 224), 256),
        ({"input_size": [3, 288, 288], "crop_pct": 0.95}, (288, 288), 303),
        ({"channel_order": "RGB", "range": 1}, (224, 224), 256),
        ({"size": [32, 32]}, (32, 32), 32),
        ({"size": [8, 8], "resize": 10}, (8, 8), 10),
    ],
)
def test_what_the_weights_of_others_say_is_understood(said, size, resize):
    transform = from_dict({"mean": [0.5] * 3, "std": [0.2] * 3, **said})
    assert (transform.size, transform.resize) == (size, resize)
    assert transform.interpolation == said.get("interpolation", "bilinear")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"mean": [0.5], "std": [0.5, 0.5]},
        {"mean": [0.5], "std": [0.0]},
        {"mean": [float("nan")], "std": [1.0]},
        {"mean": ["x"], "std": [1.0]},
        {"mean": [0.5], "std": [1.0], "size": [0, 4]},
        {"mean": [0.5], "std": [1.0], "size": 4},
        {"mean": [0.5], "std": [1.0], "size": [8, 8], "resize": 7},
        {"mean": [0.5], "std": [1.0], "range": 2},
        {"mean": [0.5], "std": [1.0], "interpolation": "magic"},
        {"mean": [0.5], "std": [1.0], "channel_order": "GRB"},
        {"mean": [0.5], "std": [1.0], "crop_pct": "inf", "size": [2, 2]},
    ],
)
def test_a_transform_that_cannot_be_is_refused(said):
    with pytest.raises(DataError, match="input transform"):
        from_dict(said, "w.safetensors")


def test_images_of_the_crops_own_shape_are_left_as_they_are():
    image = scene(1, height=36, width=40)
    pixels = InputTransform((36, 40), 36, (0.5,) * 3, (0.5,) * 3).pixels(image)
    assert torch.equal(pixels, to_tensor(image))


@pytest.mark.parametrize(("height", "width"), [(36, 36), (30, 90), (90, 30), (7, 5)])
def test_a_crop_that_is_not_square_is_filled_from_images_of_any_shape(height, width):
    image = Image.new("RGB", (width, height), (200, 200, 200))
    pixels = InputTransform((36, 40), 36, (0.5,) * 3, (0.5,) * 3).pixels(image)
    assert pixels.shape == (3, 36, 40)
    assert (pixels == 200).all(), "nothing is padded"
