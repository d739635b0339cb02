"""One image in a step, one position in a map: said in a sentence before the first step, or in the step that has it."""

from dataclasses import replace

import pytest
import timm
import torch
import torchvision
from torch import nn

from senet.attention import SK
from senet.cli.train.command import train as command
from senet.cli.train.recipe_flags import RecipeFlags
from senet.data import DataConfig
from senet.errors import UsageError
from senet.insertion import insert
from senet.networks import create
from senet.study.build_variants import variants_from_specs
from senet.study.compare import check_plan
from senet.study.plan import Plan
from senet.training import Recipe, train_in_memory
from senet.training.setup.batch_checks import require_trainable, smallest_micro_batch
from senet.training.setup.freeze import FineTuneConfig
from toy import RECIPE, ToyFeed

IMAGE = (3, 32, 32)


class Squeezed(nn.Module):
    """Loses its batch axis where there is one image, as many networks of tutorials do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return self.conv(x).mean((2, 3)).squeeze()


class Several(nn.Module):
    def __init__(self, norm, stride=32):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3, stride, 1), norm, nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


def refused(model, recipe, image=IMAGE, images=1, resizable=True):
    with pytest.raises(UsageError) as error:
        require_trainable(model, FineTuneConfig(recipe), image, images, resizable)
    return error.value


ONE = Recipe(batch_size=1)


@pytest.mark.parametrize(
    ("build", "place"),
    [
        (lambda: create("resnet11b", attention=SK(), num_classes=3), "stage2.0.branch.conv2"),
        (lambda: create("cbam_resnet18", num_classes=3), "stage5.0.branch.conv1.bn"),
        (lambda: create("bn_inception", num_classes=3), ""),
        (lambda: create("shufflenet_v2_x0_5", num_classes=3), ""),
        (lambda: torchvision.models.mobilenet_v2(num_classes=3), "features.14.conv.1.1"),
        (lambda: timm.create_model("efficientnet_b0", num_classes=3), ""),
        (lambda: insert(torchvision.models.resnet18(num_classes=3), SK(groups=1), example=(1, *IMAGE)), "layer1.0"),
        (lambda: Several(nn.GroupNorm(4, 4)), "norm"),
        (lambda: Several(nn.BatchNorm2d(4)), "norm"),
        (Squeezed, ""),
    ],
)
def test_row_104_one_image_is_refused_with_the_module_and_a_batch_size_that_works(build, place):
    model = build()
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    error = refused(model, ONE)
    assert "cannot train on a single image" in error.what
    assert place in error.where
    assert error.do == "use --batch-size 2 or more"
    require_trainable(model, FineTuneConfig(replace(ONE, batch_size=2)), IMAGE, 2, True)
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
    if not isinstance(model, Several):  # torch refuses a group of one value in evaluation too
        assert model.eval()(torch.zeros(1, *IMAGE)).numel() == 3


@pytest.mark.parametrize("images", [1, 2])
def test_row_104_one_position_is_refused_with_a_size_that_works(images):
    model = Several(nn.InstanceNorm2d(4))
    recipe = Recipe(batch_size=images)
    error = refused(model, recipe, images=images)
    assert "cannot train on images of 3x32x32: Expected more than 1 spatial element" in error.what
    assert (error.where, error.do) == ("norm", "use --image-size 64 or more")
    require_trainable(model, FineTuneConfig(recipe), (3, 64, 64), images, True)
    assert "use a network with less downsampling" in refused(model, recipe, resizable=False).do


@pytest.mark.parametrize(
    ("build", "recipe"),
    [
        (lambda: create("se_resnet8", num_classes=3), ONE),
        (lambda: torchvision.models.mobilenet_v2(num_classes=3), replace(ONE, freeze_norms_from=1)),
        (lambda: Several(nn.GroupNorm(1, 4)), ONE),
        (lambda: Several(nn.LayerNorm([4, 1, 1])), ONE),
    ],
)
def test_what_can_train_on_one_image_may(build, recipe):
    require_trainable(build(), FineTuneConfig(recipe), IMAGE, 1, True)


def test_norms_that_are_frozen_later_train_before():
    assert refused(torchvision.models.mobilenet_v2(num_classes=3), replace(ONE, freeze_norms_from=2))


@pytest.mark.parametrize(
    ("count", "batch_size", "ranks", "expected"),
    [(10, 1, 1, 1), (1, 8, 1, 1), (9, 8, 1, 2), (10, 8, 1, 2), (16, 4, 2, 2), (16, 2, 2, 1)],
)
def test_the_smallest_part_of_an_epoch(count, batch_size, ranks, expected):
    assert smallest_micro_batch(count, batch_size, ranks) == expected


def test_row_104_a_step_that_has_one_image_says_so_in_python_too():
    model = nn.Sequential(nn.Conv2d(1, 4, 8), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    said = r"a step of 1 image: Expected more(.|\n)*epoch 1, step 1(.|\n)*--batch-size 2"
    with pytest.raises(UsageError, match=said):
        train_in_memory(model, ToyFeed(count=6, batch_size=1), replace(RECIPE, batch_size=1), 0)


def test_row_104_the_command_refuses_before_the_first_step(tmp_path):
    flags = RecipeFlags(batch_size=1, epochs=1, precision="float32", threads=1)
    with pytest.raises(UsageError, match=r"cannot train on a single image(.|\n)*use --batch-size 2 or more"):
        command(network="resnet11b", attention="SK()", data="digits", out=tmp_path / "run", flags=flags)
    assert not (tmp_path / "run").exists()


def test_row_104_a_study_names_the_variant():
    recipe, data = Recipe(epochs=1, batch_size=1), DataConfig("digits", train_fraction=0.1)
    said = r"single image(.|\n)*variant SK\(\) of resnet11b, stage2(.|\n)*--batch-size 2"
    with pytest.raises(UsageError, match=said):
        check_plan(Plan("resnet11b", variants_from_specs(["none", "SK()"]), 1, data, recipe))
