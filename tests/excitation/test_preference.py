import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import nn

import senet
from senet.attention.selective_kernel import SelectiveKernel
from senet.data.transforms.evaluation import InputTransform
from senet.errors import UsageError
from senet.excitation.images.branches import branch_notes, receptive_fields
from senet.excitation.images.preference import branch_preferences, center_zoom
from senet.inference.classifier import build_classifier

TRANSFORM = InputTransform((16, 16), 16, (0.0,), (1.0,))


def planted(strength=3.0, kernels=((3, 1), (3, 2))):
    """Both branches hand on half the image, so s is its mean; the logits are -strength s and strength s."""
    sk = SelectiveKernel(1, 2, kernels=kernels, groups=1, hidden=2, norm=nn.Identity)
    for branch in sk.branches:
        nn.init.zeros_(branch.conv.weight)
        branch.conv.weight.data[:, :, 1, 1] = 0.5 * (1 + branch.bn.eps) ** 0.5
    nn.init.eye_(sk.fc1.weight)
    sk.fc2.weight.data = strength * torch.tensor([[-1.0, 0], [0, -1], [1, 0], [0, 1]])
    return nn.Sequential(sk, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))


def blobs(sides):
    """A white square in the middle of each black image."""
    images = torch.zeros(len(sides), 1, 16, 16, dtype=torch.uint8)
    for image, side in zip(images, sides, strict=True):
        start = (16 - side) // 2
        image[0, start : start + side, start : start + side] = 255
    return images


def test_a_kernel_that_chooses_by_size_prefers_its_last_branch_as_a_blob_grows():
    images, made = blobs([2, 4, 4, 6]), build_classifier(planted(), TRANSFORM)
    found = branch_preferences(made, images.split(3))
    assert [(p.name, p.scale) for p in found] == [("0", 1.0), ("0", 1.5), ("0", 2.0)]
    for preference in found:
        mean_pixel = center_zoom(images, preference.scale).double().mean((1, 2, 3)) / 255
        each = torch.tanh(3.0 * mean_pixel).numpy()  # of a softmax over (-a, a)
        low, high = stats.t.interval(0.95, 3, each.mean(), stats.sem(each))
        got = preference.difference
        assert [got.value, got.low, got.high] == pytest.approx([float(each.mean()), low, high], abs=1e-6)
    assert found[0].difference.high < found[2].difference.value
    assert found[0].difference.value < found[1].difference.value < found[2].difference.value


def test_batches_do_not_matter():
    images, made = blobs([2, 3, 4, 5, 6]), build_classifier(planted(), TRANSFORM)
    for one, other in zip(branch_preferences(made, [images]), branch_preferences(made, images.split(1)), strict=True):
        assert one.difference.value == pytest.approx(other.difference.value, abs=1e-6)
        assert one.difference.low == pytest.approx(other.difference.low, abs=1e-6)


@pytest.mark.parametrize("images", [blobs([4]), blobs([4, 4, 4])], ids=["one", "alike"])
def test_one_image_or_images_that_are_alike_have_no_interval(images):
    for preference in branch_preferences(build_classifier(planted(), TRANSFORM), [images]):
        assert preference.difference.value > 0
        assert math.isnan(preference.difference.low)
        assert math.isnan(preference.difference.high)


def test_a_network_without_branches_has_no_preference_and_one_batch_is_read_of_it():
    model = senet.create("se_resnet8", num_classes=10, in_channels=1)
    batches = iter(blobs([2, 4, 4, 6]).split(1))
    assert branch_preferences(build_classifier(model, TRANSFORM), batches) == ()
    assert len(list(batches)) == 3


def test_no_images_have_no_preference():
    assert branch_preferences(build_classifier(planted(), TRANSFORM), []) == ()


def test_every_gate_of_a_network_is_told_apart_by_name():
    model = senet.create("resnet8", attention=senet.SK(groups=1), num_classes=10, in_channels=1)
    names = [p.name for p in branch_preferences(build_classifier(model, TRANSFORM), [blobs([2, 4])])]
    assert names == [name for name, m in model.named_modules() if isinstance(m, SelectiveKernel) for _ in range(3)]
    assert branch_notes(model, names) == ()


@pytest.mark.parametrize("scales", [(), (0.5,), (math.nan,), (1, math.inf)])
def test_scales_that_do_not_enlarge_are_refused(scales):
    with pytest.raises(UsageError, match="enlarges"):
        branch_preferences(build_classifier(planted(), TRANSFORM), [blobs([2])], scales)


def test_the_centre_is_what_grows():
    images = torch.arange(2 * 3 * 12 * 20).reshape(2, 3, 12, 20).remainder(256).to(torch.uint8)
    assert torch.equal(center_zoom(images, 1), images)
    assert center_zoom(images, 1.5).shape == images.shape
    assert torch.equal(center_zoom(blobs([4]), 2), center_zoom(blobs([4]), 2).flip(2, 3))
    assert (center_zoom(blobs([8]), 2) == 255).all()
    assert center_zoom(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), 2).shape == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (senet.SK(), (3, 5)),
        (senet.SK(branches=3), (3, 5, 7)),
        (senet.SK(kernels=(1, 5)), (1, 5)),
        (senet.SK(dilations=(2, 1)), (5, 3)),
    ],
)
def test_how_far_branches_see(spec, expected):
    assert receptive_fields(spec(32, 32)) == expected


def test_an_order_that_is_not_from_narrow_to_wide_is_said():
    wide_first = replace(senet.SK(groups=1), dilations=(2, 1))
    model = nn.ModuleDict({"a": wide_first(4, 4), "b": senet.SK(groups=1)(4, 4), "c": nn.Identity(), "d": nn.ReLU()})
    wrong, unknown = branch_notes(model, ["a", "a", "b", "c", "d#2", "ModuleDict"])
    assert "1 gate over branches (a): the branches see 5, 3 pixels" in wrong
    assert "3 gates over branches (c, d#2, ModuleDict): how far each branch sees is not known" in unknown
