# The recipes that ship: they can be read, and what their headers say adds up.
import re
from functools import cache
from pathlib import Path

import pytest
import torch

from senet.accounting import cost
from senet.networks import NETWORKS, create
from senet.training import read_recipe
from senet.training.recipe.transforms import train_transforms
from senet.training.step.lr_schedule import learning_rate

FOLDER = Path(__file__).parents[2] / "src" / "senet" / "recipes"
PATHS = sorted(FOLDER.glob("*.toml"))
IMAGES = {"folder:imagenet": 1_281_167, "cifar10": 50_000}
every_recipe = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def header(path):
    lines = [line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#")]
    return " ".join(lines)


def command(path):
    found = re.search(r"senet train (\S+) --network (\S+) --data (\S+) --out (\S+)", header(path))
    return dict(zip(("recipe", "network", "data", "out"), found.groups(), strict=True))


def test_the_papers_and_a_modern_recipe_ship():
    senet = {"senet", "senet_ablation", "senet_mobile", "senet_released", "senet154"}
    cifar = {"cifar_resnet", "cifar_wrn", "cifar_shake_shake", "cifar_resnext"}
    assert {path.stem for path in PATHS} == {*senet, *cifar, "sknet", "cbam", "mobilenet_v3", "modern"}


@every_recipe
def test_a_recipe_opens_with_its_command_its_cost_and_what_to_expect(path):
    text, said = header(path), command(path)
    assert said["recipe"] == path.stem
    assert said["network"] in NETWORKS
    assert all(f" {label}: " in text for label in ("Cost", "Expected", "Source", "Ours", "One GPU"))


@cache
def multiply_adds(network):
    with torch.device("meta"):
        model = create(network)
    return cost(model, (3, NETWORKS[network].size, NETWORKS[network].size)).multiply_adds


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] if p.stem in ("cifar_resnet", "senet154") else []) for p in PATHS],
    ids=lambda path: path.stem,
)
def test_the_cost_is_what_it_says_it_is_computed_from(path):
    recipe, said = read_recipe(path), command(path)
    counted = multiply_adds(said["network"])
    found = re.search(r"Cost: (\S+) multiply-adds = 3 .* x ([\d,]+) x ([\d,]+) images x (\d+) epochs", header(path))
    total, per_image, images, epochs = (float(group.replace(",", "")) for group in found.groups())
    assert (per_image, images, epochs) == (counted, IMAGES[said["data"]], recipe.epochs)
    assert total == pytest.approx(3 * per_image * images * epochs, rel=5e-3)


@every_recipe
def test_one_gpu_keeps_the_batch_or_scales_the_learning_rate(path):
    recipe, text = read_recipe(path), header(path)
    parts, batch, each = re.search(
        r"accumulate = (\d+) computes the same batch of ([\d,]+) in parts of (\d+)", text
    ).groups()
    assert int(batch.replace(",", "")) == recipe.batch_size == int(parts) * int(each)
    small, lr = re.search(r"With a batch of (\d+) instead, .* asks for lr = (\S+)\.", text).groups()
    assert float(lr) == pytest.approx(recipe.lr * int(small) / recipe.batch_size)


@every_recipe
def test_its_views_have_the_networks_size(path):
    recipe = read_recipe(path)
    assert recipe.views.size == NETWORKS[command(path)["network"]].size
    assert len(train_transforms(recipe)) >= 2


def test_senets_main_recipe_in_numbers():
    recipe = read_recipe(FOLDER / "senet.toml")
    rates = [learning_rate(recipe, epoch) for epoch in (0, 30, 60, 90)]
    assert rates == pytest.approx([0.6, 0.06, 0.006, 0.0006])
    assert (recipe.batch_size, recipe.epochs, recipe.momentum) == (1024, 100, 0.9)
    assert recipe.optimizer.nesterov is False


def test_senet_154s_recipe_in_numbers():
    recipe = read_recipe(FOLDER / "senet154.toml")
    assert (recipe.batch_size, recipe.lr, recipe.freeze_norms_from) == (2048, 1.0, 96)
    assert recipe.label_smoothing > 0
    assert NETWORKS["senet154"].dropout == 0.2


def test_the_released_models_augmentation_in_numbers():
    views = read_recipe(FOLDER / "senet_released.toml").views
    assert (views.area, views.rotation, views.pixel_jitter) == ((0.08, 1.0), 10.0, 20)
    assert views.aspect == pytest.approx((3 / 4, 4 / 3))
