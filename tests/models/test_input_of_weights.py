"""What weights say of their input, what a user says over it, and weights for images of other channels."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

import senet
from senet import create, save_weights
from senet.data import Augmentation, Dataset, Split
from senet.data.transforms.input_settings import InputSettings
from senet.errors import UsageError, WeightsError
from senet.metadata import Metadata
from senet.models import ModelRequest, StartConfig, begin
from senet.models.convert import convert
from senet.models.input import override_input
from senet.models.input_and_labels import transform_of
from senet.models.start.adapt_feed import adapt_feed
from senet.training import Recipe, memory_feed

MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
SAID = {"size": [32, 32], "resize": 32, "mean": MEAN, "std": STD, "interpolation": "bicubic"}
OTHER = InputSettings(mean=(0.5, 0.5, 0.5))


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(create("resnet8", num_classes=4), path, about={"input_transform": SAID, "classes": list("abcd")})
    return path


def feed(channels=3, given=None):
    images = torch.randint(0, 255, (12, channels, 16, 16), dtype=torch.uint8)
    split, shift = Split(images, torch.arange(12) % 4), Augmentation(2, flip=True)
    statistics = (0.5,) * channels, (0.25,) * channels
    data = Dataset("mine", tuple("abcd"), split, split, split, shift, *statistics)
    return memory_feed(replace(data, given=given or data.given), Recipe())


def test_what_is_given_wins_over_the_weights_and_is_said(weights, caplog):
    opened = senet.load(weights, given=OTHER)
    assert (opened.transform.mean, opened.transform.std) == ((0.5,) * 3, STD)
    assert "the weights say mean 0.1 0.2 0.3; --mean takes 0.5 0.5 0.5" in caplog.text
    caplog.clear()
    assert senet.load(weights, given=InputSettings(mean=MEAN)).transform == senet.load(weights).transform
    assert caplog.text == ""


def test_only_what_nobody_says_is_assumed(caplog):
    model = create("resnet8")
    transform_of(model, Metadata(), "w")
    assert "ImageNet's mean and deviation are assumed" in caplog.text
    caplog.clear()
    transform_of(model, Metadata(), "w", InputSettings(mean=MEAN))
    assert "ImageNet's deviation is assumed" in caplog.text
    caplog.clear()
    assert transform_of(model, Metadata(), "w", InputSettings(mean=MEAN, std=STD)).mean == MEAN
    assert "assumed" not in caplog.text


def test_in_training_a_flag_wins_over_the_weights_and_what_is_not_taken_is_said(weights):
    begun = begin(ModelRequest("resnet8", start=StartConfig(str(weights))), 4, (3, 16, 16))
    found, said = adapt_feed(begun, feed(given=OTHER))
    assert (found.transform.mean, found.transform.std) == ((0.5,) * 3, STD)
    assert said.split("; ") == [
        "input: scaled as the weights were trained",
        "the weights were trained on 32 x 32, these images are 16 x 16, --image-size 32 takes theirs",
        "the weights say bicubic, resized is bilinear, --interpolation bicubic takes theirs",
        "the weights say mean 0.1 0.2 0.3",
        "--mean takes 0.5 0.5 0.5",
    ]


def test_a_converted_file_says_what_was_given(weights, tmp_path, caplog):
    out = tmp_path / "out.safetensors"
    convert(weights, None, out, given=InputSettings(std=(0.5,) * 3, crop_pct=0.8))
    transform = senet.load(out).transform
    assert (transform.mean, transform.std, transform.resize) == (MEAN, (0.5,) * 3, 40)
    assert "the weights say std 0.4 0.5 0.6; --std takes 0.5 0.5 0.5" in caplog.text


def test_a_record_of_half_an_input_and_of_other_channels_is_refused():
    with pytest.raises(UsageError, match="give both --mean and --std"):
        override_input(Metadata(), OTHER, "w")
    with pytest.raises(UsageError, match="--in-channels cannot change"):
        override_input(Metadata(input_transform=SAID), InputSettings(in_channels=1), "w")
    assert override_input(Metadata(), InputSettings(), "w") == Metadata()


def test_weights_of_three_channels_see_grey_images_as_before_and_that_is_said(weights):
    begun = begin(ModelRequest("resnet8", start=StartConfig(str(weights))), 4, (1, 16, 16))
    plain = begin(ModelRequest("resnet8", start=StartConfig(str(weights))), 4, (3, 16, 16))
    grey = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        one, three = begun.model.eval()(grey), plain.model.eval()(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-5)
    assert any("3 input channels are summed to 1, as timm does" in line for line in begun.said)
    assert plain.adapted == ""


def test_weights_of_one_channel_see_three_equal_ones_as_before(tmp_path):
    timm = pytest.importorskip("timm")
    path, model = tmp_path / "grey.safetensors", create("resnet8", num_classes=4, in_channels=1)
    save_weights(model, path)
    begun = begin(ModelRequest("resnet8", start=StartConfig(str(path))), 4, (3, 16, 16))
    assert "1 input channel is spread over 3" in begun.adapted
    grey = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            begun.model.eval()(grey.expand(-1, 3, -1, -1)), model.eval()(grey), rtol=1e-4, atol=1e-5
        )
    first = next(value for value in model.state_dict().values() if value.ndim == 4)
    theirs = timm.models.adapt_input_conv(3, first.expand(-1, 3, -1, -1) / 3)
    assert torch.equal(next(v for v in begun.model.state_dict().values() if v.ndim == 4), theirs)


def test_other_libraries_networks_are_refused_with_the_flag_that_helps(tmp_path):
    model = begin(ModelRequest("torchvision:squeezenet1_1"), 4, (1, 64, 64)).model
    from senet.training.setup.batch_checks import require_model_fits_data

    with pytest.raises(UsageError, match="--in-channels 3"):
        require_model_fits_data(model, (1, 64, 64), 4)


def test_an_input_of_other_channels_than_trained_weights_take_is_refused_with_what_helps(weights):
    with pytest.raises(WeightsError, match="--in-channels 3"):
        senet.load(weights, given=InputSettings(in_channels=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_torchvisions_inceptions_are_scaled_as_their_own_code_does_it(name, caplog):
    """What torchvision builds with weights turns ImageNet's scale into theirs; ours, built without, gets theirs."""
    from torchvision.models import get_model_builder

    theirs = get_model_builder(name)(weights=None, init_weights=False, transform_input=True)
    ours = begin(ModelRequest(f"torchvision:{name}"), None, (3, 96, 96)).model
    pixels = torch.randint(0, 256, (1, 3, 96, 96), dtype=torch.uint8)
    transform = transform_of(ours, Metadata(), "w")
    assert "mean and deviation are assumed" in caplog.text
    assert "ImageNet" not in caplog.text.split("input: ")[1].splitlines()[0]
    imagenet = replace(transform, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    seen = theirs._transform_input(imagenet.normalise(pixels))
    torch.testing.assert_close(transform.normalise(pixels), seen, rtol=1e-4, atol=1e-5)
    assert transform_of(theirs, Metadata(), "w").mean == (0.485, 0.456, 0.406)


def test_pictures_reach_the_network_through_what_was_given(weights, tmp_path):
    Image.new("RGB", (32, 32), (255, 128, 0)).save(tmp_path / "x.png")
    opened = senet.load(weights, given=InputSettings(mean=(1.0, 1.0, 1.0), std=(1.0, 1.0, 1.0)))
    with Image.open(tmp_path / "x.png") as file:
        found = opened.transform.normalise(opened.transform.pixels(file)[None])[0, :, 0, 0]
    torch.testing.assert_close(found, torch.tensor([0.0, 128 / 255 - 1, -1.0]))
