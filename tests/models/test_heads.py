# The classifier of any model: found by running it, and replaced by one for other classes.

import nets
import pytest
import timm
import torch
import torchvision
from torch import nn

import senet
from senet.errors import UsageError
from senet.models import ModelRequest, StartConfig, begin
from senet.models.factory.builders import AUXILIARY
from senet.models.factory.head import find_classifier, replace_classifier
from senet.models.load import open_weights
from senet.models.saved.folder import read_saved
from senet.networks import create, dense

SIDE = 64

# Model -> the path that its own library gives its last layer, and what enters that.
LIBRARIES = {
    "torchvision:resnet18": "fc",
    "torchvision:mobilenet_v3_small": "classifier.3",
    "torchvision:squeezenet1_0": "classifier.1",
    "torchvision:densenet121": "classifier",
    "torchvision:vgg11": "classifier.6",
    "torchvision:googlenet": "fc",
    "timm:regnetx_002": "head.fc",
    "timm:resnet10t": "fc",
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if "vgg" in n else []) for n in LIBRARIES])
def test_the_classifier_of_a_librarys_model_is_found_and_replaced(name):
    model = nets.named(name)
    path = LIBRARIES[name]
    if name.startswith("timm:"):
        assert timm.create_model(name.removeprefix("timm:")).default_cfg["classifier"] == path
    state = {key: value.clone() for key, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    assert find_classifier(model, (3, SIDE, SIDE)) == path
    assert torch.equal(torch.get_rng_state(), generator)
    assert model.training
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    old = model.get_submodule(path)
    replace_classifier(model, path, 7)
    with torch.no_grad():
        assert model.eval()(torch.randn(2, 3, SIDE, SIDE)).shape == (2, 7)
    new = model.get_submodule(path)
    assert type(new) is type(old)
    assert new.weight.shape == (7, *old.weight.shape[1:])
    assert new.bias.shape == (7,)
    changed = {key for key, value in model.state_dict().items() if key not in state or value.shape != state[key].shape}
    assert changed == {f"{path}.weight", f"{path}.bias"}


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (nets.Net, "fc"),
        (lambda: create("resnet8"), "head.fc"),
        (lambda: create("mobilenet_v3_small"), "head.fc"),
        (lambda: dense(create("resnet8")), "head.fc"),
        (lambda: nn.Sequential(nets.Net(8), nn.ReLU(), nn.Linear(8, 3), nn.Dropout()), "2"),
    ],
)
def test_the_classifier_of_ones_own_and_of_ours(make, path):
    assert find_classifier(make(), (3, SIDE, SIDE)) == path


class Double(nets.Net):
    """Of float64, frozen, without a bias."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 4, bias=False)
        self.double()


def test_a_new_layer_is_of_the_old_ones_kind():
    model = Double().eval()
    assert find_classifier(model, (3, SIDE, SIDE)) == "fc"
    replace_classifier(model, "fc", 9)
    assert (model.fc.weight.dtype, model.fc.bias, model.fc.training) == (torch.float64, None, False)
    assert model(torch.zeros(1, 3, 8, 8, dtype=torch.float64)).shape == (1, 9)
    model.to("meta")
    replace_classifier(model, "fc", 3)
    assert (model.fc.weight.device.type, model.fc.weight.shape) == ("meta", (3, 16))


class Convolutional(nn.Sequential):
    """Ends in a convolution of a size, which pooling follows."""

    def __init__(self, size):
        ends = nn.Conv2d(8, 5, size, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        super().__init__(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3), *ends)


def test_a_1x1_convolution_is_a_classifier_and_a_larger_one_would_become_another_network():
    model = Convolutional(1)
    assert find_classifier(model, (3, SIDE, SIDE)) == "2"
    replace_classifier(model, "2", 9)
    assert (type(model[2]), model[2].weight.shape, model[2].bias) == (nn.Conv2d, (9, 8, 1, 1), None)
    with pytest.raises(UsageError, match="its classifier is not known"):
        find_classifier(Convolutional(3), (3, SIDE, SIDE))
    with pytest.raises(UsageError, match="no classifier '2'"):
        replace_classifier(Convolutional(3), "2", 9)


class Scaled(nets.Net):
    """Ends in another layer than a linear one."""

    def forward(self, x):
        logits = super().forward(x)
        return torch.cat([logits, logits], 1)


class Hidden(nn.Module):
    """Ends in a product with a matrix of its own."""

    def __init__(self):
        super().__init__()
        self.net, self.matrix = nets.Net(8), nn.Parameter(torch.randn(8, 3))

    def forward(self, x):
        return self.net(x) @ self.matrix


@pytest.mark.parametrize(
    "make", [Scaled, Hidden, lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(3))]
)
def test_a_model_that_does_not_end_in_a_linear_layer_is_refused(make):
    with pytest.raises(UsageError, match="does not end in a linear layer that makes its logits") as caught:
        find_classifier(make(), (3, SIDE, SIDE))
    assert "function of your own" in caught.value.do


def test_images_that_a_model_does_not_take_are_said_and_hooks_are_gone():
    model = nets.Net()
    with pytest.raises(UsageError, match="does not take images of 1x64x64"):
        find_classifier(model, (1, SIDE, SIDE))
    assert not any(module._forward_hooks for module in model.modules())


def test_what_is_no_layer_is_not_replaced():
    for name in ("stem.nothing", "unit1", "unit1.bn1"):
        with pytest.raises(UsageError, match=f"Net has no classifier '{name}'"):
            replace_classifier(nets.Net(), name, 3)


@pytest.mark.parametrize("name", ["googlenet", pytest.param("inception_v3", marks=pytest.mark.slow)])
def test_models_with_auxiliary_heads_are_built_without_them_and_take_weights_that_have_them(name, tmp_path):
    theirs = torchvision.models.get_model(name, weights=None, init_weights=False, num_classes=6)
    aux = {key for key in theirs.state_dict() if key.startswith(AUXILIARY[name])}
    assert aux
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    built = nets.named(f"torchvision:{name}", 6)
    assert {*theirs.state_dict()} - {*built.state_dict()} == aux
    model, loaded, _ = open_weights(read_saved(tmp_path / "w.pth"), f"torchvision:{name}")
    assert set(loaded.skipped) == aux
    side = 96 if name == "inception_v3" else SIDE
    x = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected = theirs.eval()(x)
        assert torch.isfinite(expected).all()
        assert torch.equal(model.eval()(x), expected)
        assert model.train()(x).shape == (2, 6)  # logits alone, in training too
    begun = begin(
        ModelRequest(f"torchvision:{name}", start=StartConfig(str(tmp_path / "w.pth"), head="new")), 4, (3, side, side)
    )
    assert begun.fresh == ("fc",)
    assert set(begun.loaded.skipped) == aux | {"fc.weight", "fc.bias"}
    assert senet.load(tmp_path / "w.pth", network=f"torchvision:{name}").outputs == 6
