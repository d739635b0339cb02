import sys

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import senet
from senet.data.transforms.evaluation import InputTransform
from senet.errors import UsageError
from senet.excitation.images.grad_cam import activation_maps, add_activation_maps, last_map_layer
from senet.excitation.images.maps import spatial_maps
from senet.inference.classifier import Classifier, build_classifier
from senet.inference.compute import Compute

GREY, COLOUR = InputTransform((16, 16), 16, (0.5,), (0.3,)), InputTransform((64, 64), 64, (0.5,) * 3, (0.3,) * 3)


def images(transform, count=2):
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, *transform.shape), generator=draw, dtype=torch.uint8)


def ours(spec):
    model = senet.create("resnet8", attention=spec, num_classes=10, in_channels=1)
    return build_classifier(model, GREY)


class InPlace(nn.Module):
    """Writes to its last map, as torchvision's DenseNet does."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(F.relu(self.features(x), inplace=True).mean((2, 3)))


class Twice(nn.Module):
    """Runs its last layer two times."""

    def __init__(self):
        super().__init__()
        self.stem, self.layer, self.fc = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(torch.relu(self.layer(torch.relu(self.layer(self.stem(x))))).mean((2, 3)))


def slow_grad_cam(made, layer, batch):
    """Equations 1 and 2 with autograd alone, in loops, in the precision of float64; (h, w) of each image."""
    kept, found = [], []

    def keep(module, args, output):
        kept.append(output * 1)
        return kept[-1].clone()  # what follows may write to it

    handle = made.model.get_submodule(layer).register_forward_hook(keep)
    for image in made.transform.normalise(batch).double():
        kept.clear()
        logits = made.model(image[None])[0]
        gradient = torch.autograd.grad(logits.max(), kept[-1])[0][0]
        a = kept[-1][0].detach()
        total = torch.zeros_like(a[0])
        for k in range(len(a)):
            alpha = sum(gradient[k, i, j] for i in range(a.shape[1]) for j in range(a.shape[2])) / a[0].numel()
            total += alpha * a[k]
        found.append(total.clamp(min=0) / total.clamp(min=0).max().clamp(min=1e-12))
    handle.remove()
    return torch.stack(found)


def inserted():
    return senet.insert(torchvision.models.resnet18(num_classes=7), senet.CBAM(), init="paper")


@pytest.mark.parametrize(
    ("model", "transform", "layer"),
    [
        (lambda: ours(senet.CBAM(reduction=4)).model, GREY, "stage4"),
        (lambda: ours(senet.SK(groups=1)).model, GREY, "stage4"),
        (inserted, COLOUR, "layer4"),
        (InPlace, GREY, "features"),
        (Twice, GREY, "layer"),
    ],
    ids=["cbam", "sk", "inserted", "in place", "twice"],
)
def test_maps_are_those_of_the_equations(model, transform, layer):
    made, batch = build_classifier(model(), transform), images(transform)
    found = activation_maps(made, batch)
    assert found.layer == layer
    assert torch.equal(found.guesses, made.logits(batch).argmax(1))
    assert found.maps.amax((1, 2)).max() == pytest.approx(1)
    made.model.double()
    torch.testing.assert_close(found.maps.double(), slow_grad_cam(made, layer, batch), atol=1e-4, rtol=0)


def test_maps_do_not_fade_with_small_logits():
    made = build_classifier(InPlace(), GREY)
    before = activation_maps(made, images(GREY))
    made.model.fc.weight.data *= 1e-12
    made.model.fc.bias.data *= 1e-12
    torch.testing.assert_close(activation_maps(made, images(GREY)).maps, before.maps)


def test_a_class_for_which_nothing_speaks_has_an_empty_map():
    made = build_classifier(InPlace(), GREY)
    nn.init.zeros_(made.model.fc.weight)
    assert not activation_maps(made, images(GREY)).maps.any()


def test_the_model_is_as_before():
    made = ours(senet.CBAM(reduction=4))
    first, *others = made.model.parameters()
    first.requires_grad_(False)
    others[0].grad = gradient = torch.ones_like(others[0])
    made.model.head.train()
    logits, state = made.logits(images(GREY)), {k: v.clone() for k, v in made.model.state_dict().items()}
    activation_maps(made, images(GREY))
    assert [p.requires_grad for p in made.model.parameters()] == [False, *[True] * len(others)]
    assert others[0].grad is gradient
    assert torch.equal(gradient, torch.ones_like(gradient))
    assert all(p.grad is None for p in [first, *others[1:]])
    assert made.model.head.training
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in made.model.modules())
    assert all(torch.equal(value, state[name]) for name, value in made.model.state_dict().items())
    assert torch.equal(made.logits(images(GREY)), logits)


def test_it_is_computed_in_float32_and_without_gradients_outside():
    made = ours(senet.CBAM(reduction=4))
    with torch.no_grad():
        found = activation_maps(Classifier(made.model, GREY, Compute("bf16")), images(GREY))
    torch.testing.assert_close(found.maps, activation_maps(made, images(GREY)).maps)


def test_maps_stand_beside_those_of_the_gates_under_the_name_of_the_guess():
    made, batch = ours(senet.CBAM(reduction=4)), images(GREY)
    maps = spatial_maps(made, batch, [5, 3])
    guesses = made.logits(batch).argmax(1).tolist()
    found, (note,) = add_activation_maps(maps, made, batch, [f"class {n}" for n in range(10)])
    assert [m.guess for m in found] == [f"class {n}" for n in guesses]
    assert [(m.image, m.maps) for m in found] == [(m.image, m.maps) for m in maps]
    assert {(len(m.activation), len(m.activation[0])) for m in found} == {(4, 4)}
    assert all(0 <= v <= 1 for m in found for row in m.activation for v in row)
    assert "Grad-CAM" in note
    assert "stage4" in note
    assert [m.guess for m in add_activation_maps(maps, made, batch, [])[0]] == list(map(str, guesses))


def test_without_the_package_maps_come_without_and_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)
    made, batch = ours(senet.CBAM(reduction=4)), images(GREY)
    maps = spatial_maps(made, batch, [0, 1])
    found, (note,) = add_activation_maps(maps, made, batch, [])
    assert found == maps
    assert "pip install 'senet[cam]'" in note
    assert "grad-cam" in note


@pytest.mark.parametrize("cut", [torch.no_grad(), torch.inference_mode()], ids=["no_grad", "inference_mode"])
def test_a_network_without_gradients_is_told(cut):
    model = InPlace()
    model.forward = cut(model.forward)
    made = build_classifier(model, GREY)
    found, (note,) = add_activation_maps(spatial_maps(made, images(GREY), [0, 1]), made, images(GREY), [])
    assert [m.activation for m in found] == [(), ()]
    assert note.startswith("no class activation maps: grad-cam fails")
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.requires_grad for p in model.parameters())


def test_the_last_map_is_one_that_the_output_was_made_from():
    class Aside(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.aside, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            x = self.used(x)
            self.aside(x)
            return self.fc(x.mean((2, 3)))

    assert last_map_layer(Aside(), torch.zeros(1, 1, 8, 8)) == "used"


def test_a_network_without_a_map_is_told():
    model = nn.Sequential(nn.Conv2d(1, 4, 16), nn.Flatten(), nn.Linear(4, 2))
    made = build_classifier(model, GREY)
    with pytest.raises(UsageError, match="more than one position"):
        activation_maps(made, images(GREY))
    _, (note,) = add_activation_maps(spatial_maps(made, images(GREY), [0, 1]), made, images(GREY), [])
    assert note.startswith("no class activation maps: no module of Sequential")
