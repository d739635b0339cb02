from dataclasses import replace

import nets
import pytest
import safetensors.torch
import torch

from senet import create, save_weights
from senet.data import Augmentation, Dataset, Split
from senet.models import ModelRequest, StartConfig, begin
from senet.models.start.adapt_feed import adapt_feed
from senet.training import Recipe, memory_feed

MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
SAID = {"size": [32, 32], "resize": 32, "mean": MEAN, "std": STD, "channel_order": "BGR", "range": 1}


@pytest.fixture
def feed():
    images = torch.randint(0, 255, (12, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(images, torch.arange(12) % 4)
    return memory_feed(
        Dataset("mine", tuple("abcd"), split, split, split, Augmentation(2, flip=True), (0.5,) * 3, (0.25,) * 3),
        Recipe(),
    )


def test_weights_that_say_how_their_input_is_scaled_get_it_so(feed, tmp_path):
    save_weights(create("resnet8", num_classes=4), tmp_path / "w.safetensors", about={"input_transform": SAID})
    begun = begin(ModelRequest("resnet8", start=StartConfig(str(tmp_path / "w.safetensors"))), 4, (3, 16, 16))
    found, said = adapt_feed(begun, feed)
    taken = "the weights were trained on 32 x 32, these images are 16 x 16, --image-size 32 takes theirs"
    assert said == f"input: scaled as the weights were trained; {taken}"
    assert found.transform == replace(feed.transform, mean=MEAN, std=STD, channel_order="BGR")
    images, _ = next(iter(found.test))
    assert torch.equal(images, feed.data.test.images)
    bgr = images.flip(1).float() / 255
    expected = (bgr - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(found.transform.normalise(images), expected)
    assert (found.name, found.classes, found.fingerprint()) == (feed.name, feed.classes, feed.fingerprint())
    assert torch.equal(next(found.train_batches(0, 1))[0], next(feed.train_batches(0, 1))[0])
    assert found.sample_ids(0, 1, 0) == feed.sample_ids(0, 1, 0)


def test_a_librarys_weights_that_say_nothing_are_scaled_as_imagenet(feed, tmp_path):
    name = "torchvision:squeezenet1_1"
    model = begin(ModelRequest(name), 4, (3, 64, 64)).model
    safetensors.torch.save_file(model.state_dict(), tmp_path / "w.safetensors")
    begun = begin(ModelRequest(name, start=StartConfig(str(tmp_path / "w.safetensors"))), 4, (3, 64, 64))
    found, said = adapt_feed(begun, feed)
    assert said == "input: scaled by ImageNet's mean and deviation, since the weights say nothing"
    assert found.transform.mean == (0.485, 0.456, 0.406)


def test_random_weights_and_a_functions_own_take_the_datas_and_the_latter_is_said(feed, monkeypatch):
    assert adapt_feed(begin(ModelRequest("resnet8"), 4, (3, 16, 16)), feed) == (feed, "")
    weights = nets.Net().state_dict()

    def fixed():
        net = nets.Net()
        net.load_state_dict(weights)
        return net

    monkeypatch.setattr(nets, "fixed", fixed, raising=False)
    begun = begin(ModelRequest("nets:fixed"), 4, (3, 16, 16))
    found, said = adapt_feed(begun, feed)
    assert found is feed
    assert said == "input: scaled by the data's own mean and deviation; what the weights need is not known"


def test_weights_of_one_channel_do_not_scale_three(feed, tmp_path):
    said = SAID | {"mean": [0.5], "std": [0.5]}
    save_weights(create("resnet8", num_classes=4), tmp_path / "w.safetensors", about={"input_transform": said})
    begun = begin(ModelRequest("resnet8", start=StartConfig(str(tmp_path / "w.safetensors"))), 4, (3, 16, 16))
    found, said = adapt_feed(begun, feed)
    assert found is feed
    assert said.endswith("the weights were trained on images of 1 channel")
