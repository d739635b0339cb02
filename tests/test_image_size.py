"""A network that does not take images: what can be typed instead, found by asking it or by trying."""

import pytest
import torch
import torchvision
from torch import nn

from senet.accounting import cost
from senet.attention import SE
from senet.errors import UsageError
from senet.image_size import image_size_remedy, image_submodule, native_image_size
from senet.insertion import insert
from senet.models import ModelRequest, begin
from senet.training.setup.batch_checks import require_fits


def vit():
    return torchvision.models.VisionTransformer(64, 16, 1, 2, 32, 64, num_classes=4)


def timm_vit():
    timm = pytest.importorskip("timm")
    return timm.create_model("vit_tiny_patch16_224", depth=1, img_size=96, num_classes=4)


class Narrow(nn.Module):
    """Four valid convolutions: takes no image under 31 x 31."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(3 if i == 0 else 4, 4, 3, stride=2) for i in range(4)))
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(self.layers(x).mean((2, 3)))


CASES = {
    "torchvision's transformer": (vit, (3, 32, 32), "the network is made for images of 64 x 64 (--image-size 64)"),
    "timm's, of another grid": (timm_vit, (3, 64, 64), "the network is made for images of 96 x 96 (--image-size 96)"),
    "too large a stride": (
        Narrow,
        (3, 16, 16),
        "the smallest image that the network takes is 31 x 31 (--image-size 31)",
    ),
    "grey images": (Narrow, (1, 64, 64), "the network takes images of 3 channels (--in-channels 3)"),
}


@pytest.mark.parametrize(("make", "image", "do"), CASES.values(), ids=CASES)
def test_the_remedy_works_and_every_way_to_the_network_names_it(make, image, do):
    model = make()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert image_size_remedy(model, image) == do
    ways = [lambda: require_fits(model, image, 4), lambda: cost(model, image)]
    ways.append(lambda: insert(model, SE(reduction=4), where="*", example=(1, *image)))
    for way in ways:
        with pytest.raises(UsageError) as error:
            way()
        assert error.value.do == do
    number = int(do.split()[-1].rstrip(")"))
    right = (3, image[1], image[2]) if "channels" in do else (3, number, number)
    require_fits(model, right, 4)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.slow
def test_inceptions_least_size_is_the_one_that_it_takes():
    model = torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=False, num_classes=4)
    assert (
        image_size_remedy(model, (3, 64, 64))
        == "the smallest image that the network takes is 75 x 75 (--image-size 75)"
    )
    with pytest.raises(RuntimeError, match="Kernel size"):
        model.eval()(torch.zeros(1, 3, 74, 74))


def test_a_network_that_fails_for_another_reason_has_no_such_remedy():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("lost")

    assert image_size_remedy(Broken(), (3, 32, 32)) == ""
    assert image_size_remedy(Narrow(), (3, 64, 64)) == ""
    assert image_size_remedy(Narrow(), (7,)) == ""


def test_sizes_that_are_no_sizes_are_not_believed():
    model = nn.Sequential(nn.Conv2d(3, 4, 1))
    assert native_image_size(model) is None
    for said in (0, True, "224", (1, 2, 3, 4), [None, 2], {}):
        model.image_size, model.pretrained_cfg, model.default_cfg = said, {"input_size": said}, said
        assert native_image_size(model) is None
    model.pretrained_cfg = {"input_size": (3, 240, 200)}
    assert native_image_size(model) == (240, 200)


def test_a_new_classifier_for_images_that_a_network_does_not_take_names_the_size_too():
    from senet.models.factory.head import find_classifier

    with pytest.raises(UsageError, match="--image-size 64"):
        find_classifier(vit(), (3, 32, 32))
    assert begin(ModelRequest("resnet8"), 4, (3, 8, 8)).adapted == ""


@pytest.mark.slow
def test_a_detector_is_told_its_backbone():
    detector = torchvision.models.detection.retinanet_resnet50_fpn(weights=None, weights_backbone=None)
    assert image_submodule(detector, (3, 64, 64)) == "backbone"
    with pytest.raises(UsageError, match=r"its submodule model\.backbone takes images"):
        cost(detector, (3, 64, 64))
    detector.backbone = insert(detector.backbone, SE(reduction=16), example=(1, 3, 64, 64))
    with torch.no_grad():
        assert set(detector.eval()([torch.zeros(3, 64, 64)])[0]) == {"boxes", "labels", "scores"}
