# create() with weights of torchvision's, against torchvision's own network in float64.

import logging

import nets
import pytest
import torch
import torchvision

import senet
from senet.errors import UsageError, WeightsError
from shaken import shaken


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(1)
    return shaken(torchvision.models.resnet18()).double().eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 65, 65, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def their_maps(theirs, x):
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
    maps = []
    for layer in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
        x = layer(x)
        maps.append(x)
    return maps


def close(ours, expected):
    return (ours - expected).abs().max() <= 1e-10 * expected.abs().max()


@torch.no_grad()
def test_without_a_number_of_classes_the_logits_are_the_sources(theirs, images):
    model = senet.create("resnet18", weights=theirs.state_dict()).double().eval()
    assert (model.spec.geometry, model.num_classes, model.origin) == ("torch", 1000, {"source": "torchvision"})
    # Weights were rounded to float32 on their way through a float32 model; the reference is rounded alike.
    rounded = torchvision.models.resnet18()
    rounded.load_state_dict(theirs.state_dict())
    assert close(model(images), rounded.double().eval()(images))


@torch.no_grad()
def test_another_number_of_classes_keeps_the_trunk_and_a_fresh_classifier_which_is_said(theirs, images, caplog):
    state = theirs.float().state_dict()
    with caplog.at_level(logging.WARNING, "senet"):
        torch.manual_seed(5)
        model = senet.create("resnet18", weights=state, num_classes=10)
        torch.manual_seed(5)
        fresh = senet.create("resnet18", geometry="torch", num_classes=10)
    assert [record.getMessage() for record in caplog.records] == [
        "resnet18: the classifier is fresh: the weights have 1000 classes"
    ]
    assert (model.spec.geometry, model.num_classes) == ("torch", 10)
    assert torch.equal(model.head.fc.weight, fresh.head.fc.weight)
    assert not torch.equal(model.stem.conv1.conv.weight, fresh.stem.conv1.conv.weight)
    features = model.double().eval().forward_features(images)
    assert close(features, their_maps(theirs.double(), images)[-1])


@torch.no_grad()
def test_no_classes_is_the_trunk_alone(theirs, images, caplog):
    model = senet.create("resnet18", weights=theirs.float().state_dict(), num_classes=0).double().eval()
    assert close(model(images), their_maps(theirs.double(), images)[-1].mean((2, 3)))
    assert caplog.records == []  # no classifier is fresh where there is none


@torch.no_grad()
def test_features_only_returns_the_maps_of_the_trained_stages(theirs, images):
    state = theirs.float().state_dict()
    model = senet.create("resnet18", weights=state, features_only=True, out_indices=(1, 3)).double().eval()
    expected = their_maps(theirs.double(), images)
    maps = model(images)
    assert len(maps) == 2
    assert close(maps[0], expected[1])
    assert close(maps[1], expected[3])


def test_what_is_given_beside_weights_is_not_the_weights():
    state = nets.named("resnet8", 5).state_dict()
    assert senet.create("resnet8", weights=state).num_classes == 5
    with pytest.raises(UsageError, match="without features_only"):
        senet.create("resnet8", weights=state, out_indices=(0,))
    with pytest.raises(WeightsError, match="caffe geometry") as caught:
        senet.create("resnet18", weights=torchvision.models.resnet18().state_dict(), geometry="caffe")
    assert 'geometry="torch"' in caught.value.do


def test_a_file_of_ours_is_built_in_its_own_attention_geometry_and_channels(tmp_path):
    model = shaken(
        senet.create("resnet18", attention=senet.SE(reduction=4), geometry="torch", num_classes=3, in_channels=1)
    )
    senet.save_weights(model, tmp_path / "w.safetensors")
    again = senet.create("resnet18", weights=tmp_path / "w.safetensors")
    assert again.spec == model.spec
    assert torch.equal(nets.logits(again, 1), nets.logits(model, 1))
