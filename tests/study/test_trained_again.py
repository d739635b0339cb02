# The winner of a study can be trained again: its printed command ends with the same bytes.
import json
import shlex
from dataclasses import replace

import pytest
import torch
import torchvision
from PIL import Image

import own_net
import senet
from catalogue_of_blocks import OWN, SMALL
from senet.attention import SE, to_dict
from senet.cli import run
from senet.cli.app import app
from senet.cli.common.model_flags import StartFlags
from senet.cli.train import recipe_flags
from senet.data import DataConfig, resolved
from senet.data.shards.pack import ShardSize, pack
from senet.data.sources.image_folder import FolderSource
from senet.errors import WeightsError
from senet.models import ModelRequest, Placement, StartConfig
from senet.models.start.request import RANDOM
from senet.study.compare import check_plan
from senet.study.plan import Plan, Trial
from senet.study.runners.attempt import save_finished
from senet.study.trials.result_files import weights_path
from senet.study.trials.train_command import train_command
from senet.study.trials.trial import run_trial
from senet.study.variant import Variant, unchanged
from senet.training import Recipe
from senet.training.recipe.settings import Ema, MixupCutmix, Optimizer, Views, WarmUp
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.environment import environment
from whole_recipe import EVERYTHING

DIGITS = resolved(DataConfig("digits", train_fraction=0.05))
QUICK = Recipe(epochs=2, batch_size=16)


def softened(recipe):
    parts = {"ema": Ema(0.9), "mix": MixupCutmix(mixup=0.2), "warm_up": WarmUp(1), "optimizer": Optimizer("adamw")}
    return replace(recipe, **parts, label_smoothing=0.1, drop_path=0.1, sampling="balanced", lr=0.01, dropout=0.2)


VARIANTS = {
    "none": Variant(),
    "none, at other places": Variant(None, Placement("pre", last=False)),
    **{f"own slots, {spec}": Variant(spec) for spec in (*SMALL, OWN)},
    "other places": Variant(SE(reduction=4), Placement("post", stages=(2, 4))),
    "all but the last": Variant(SE.paper(reduction=4), Placement(last=False)),
    "another recipe": Variant(SE(reduction=4, gate="tanh"), change=softened),
}


def planned(variants, data=DIGITS, recipe=QUICK, network="resnet8", start=RANDOM):
    plan, feed = check_plan(Plan(network, variants, 1, data, recipe, start=start))
    trials = plan.trials(feed.fingerprint(), environment())
    return [replace(trial, seed=3) for trial in trials]


@pytest.fixture
def require_same_bytes(tmp_path, monkeypatch, capsys):
    def require(trial):
        finished = run_trial(trial)
        save_finished(trial, finished, tmp_path / "study")
        monkeypatch.chdir(tmp_path)
        name, *words = shlex.split(finished.result.command)
        assert name == "senet"
        assert run(words) == 0, capsys.readouterr().err
        again = tmp_path / "runs" / trial.key
        require_same(finished, trial, tmp_path / "study", again)

    return require


def require_same(finished, trial, study, again):
    assert (again / "weights" / "best.safetensors").read_bytes() == weights_path(study, trial).read_bytes()
    result = json.loads((again / "result.json").read_text())
    assert result["test"]["top1"] == finished.result.accuracy
    assert result["best"]["epoch"] == finished.result.best_epoch


# Kinds of attention are the library's; a place, a change of the recipe and a block of one's own are the command's.
OF_KINDS = [f"own slots, {spec}" for spec in SMALL[1:]]


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in OF_KINDS else []) for n in VARIANTS])
def test_the_command_of_a_trial_ends_with_its_bytes(name, require_same_bytes):
    (trial,) = planned({name: VARIANTS[name]})
    require_same_bytes(trial)


@pytest.fixture
def photos(tmp_path):
    for split, count in (("train", 10), ("test", 4)):
        for label, name in enumerate(("cat", "dog")):
            folder = tmp_path / "my photos" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (20, 16), (200 * label, 20 * i, 9)).save(folder / f"{i}.png")
    return tmp_path / "my photos"


@pytest.mark.parametrize("views", [None, Views(size=12, padding=2, colour=0.4)])
def test_the_command_of_a_trial_on_a_folder_in_memory_ends_with_its_bytes(photos, views, require_same_bytes):
    data = resolved(DataConfig(f"folder:{photos}", train_fraction=0.8, image_size=12, in_memory=True))
    (trial,) = planned({"SE": Variant(SE(reduction=4))}, data, replace(QUICK, batch_size=6, views=views))
    require_same_bytes(trial)


DECODING = [
    pytest.param("folder", unchanged, 2, id="folder", marks=pytest.mark.slow),
    pytest.param("shards", unchanged, 2, id="shards", marks=pytest.mark.slow),
    pytest.param("folder", softened, 2, id="folder, another recipe", marks=pytest.mark.slow),
    pytest.param("shards", softened, 1, id="shards, another recipe"),  # two threads of two busy cores wait
]


@pytest.mark.parametrize(("kind", "change", "threads"), DECODING)
def test_the_command_of_a_trial_that_decodes_as_it_goes_ends_with_its_bytes(
    kind, change, threads, photos, tmp_path, require_same_bytes
):
    where = photos
    if kind == "shards":
        pack(FolderSource(photos), where := tmp_path / "my shards", ShardSize(samples=5))
    data = resolved(DataConfig(f"{kind}:{where}", train_fraction=0.8, image_size=12, in_memory=False))
    recipe = replace(QUICK, batch_size=6, threads=threads)
    (trial,) = planned({"SE": Variant(SE(reduction=4), change=change)}, data, recipe)
    assert trial.data.in_memory is False
    require_same_bytes(trial)


BEGUN = {
    "plain": Variant(),
    "attention": Variant(SE(reduction=4)),
    "other places": Variant(SE(reduction=4), Placement("stage[34].0")),
}


@pytest.mark.parametrize("variant", ["plain", "attention"])
def test_the_command_of_a_function_of_ones_own_ends_with_the_trials_bytes(
    variant, photos, tmp_path, require_same_bytes
):
    """It makes five classes, and the data has two."""
    (tmp_path / "my nets.py").write_text(own_net.text(width=8, classes=5, stride=2))
    data = resolved(DataConfig(f"folder:{photos}", image_size=12))
    network = f"{tmp_path / 'my nets.py'}:Net"
    (trial,) = planned({variant: BEGUN[variant]}, data, replace(QUICK, batch_size=6), network, StartConfig(head="new"))
    require_same_bytes(trial)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("weights") / "of seven.pth"
    torch.save(torchvision.models.shufflenet_v2_x0_5(num_classes=7).state_dict(), path)
    return str(path)


@pytest.mark.parametrize("variant", BEGUN)
def test_the_command_of_refined_weights_ends_with_the_trials_bytes(variant, photos, weights, require_same_bytes):
    data = resolved(DataConfig(f"folder:{photos}", image_size=12))
    rates = {"lr": 0.01} if variant == "plain" else {"lr": 0.01, "inserted_lr": 0.3}
    recipe = replace(QUICK, batch_size=6, freeze_trunk=1, **rates)
    start = StartConfig(weights, "new", None if variant == "attention" else "preserve")
    (trial,) = planned({variant: BEGUN[variant]}, data, recipe, "torchvision:shufflenet_v2_x0_5", start)
    require_same_bytes(trial)


@pytest.mark.parametrize("variant", ["plain", "attention"])
def test_the_command_of_a_network_of_ours_with_weights_ends_with_the_trials_bytes(
    variant, tmp_path, require_same_bytes
):
    torch.manual_seed(4)
    senet.save_weights(senet.create("resnet8", num_classes=7, in_channels=1), tmp_path / "w.safetensors")
    (trial,) = planned({variant: BEGUN[variant]}, start=StartConfig(str(tmp_path / "w.safetensors"), "new"))
    require_same_bytes(trial)


@pytest.mark.parametrize("head", ["new", "keep"])
def test_weights_that_change_while_a_study_runs_are_refused(head, tmp_path):
    def save(seed):
        torch.manual_seed(seed)
        senet.save_weights(senet.create("resnet8", num_classes=10, in_channels=1), tmp_path / "w.safetensors")

    save(4)
    start = StartConfig(str(tmp_path / "w.safetensors"), head)
    (trial,) = planned({"none": Variant()}, recipe=replace(QUICK, epochs=1), start=start)
    assert run_trial(replace(trial, seed=5)).result.seed == 5, "a classifier that is the seed's is no other weights"
    save(6)
    with pytest.raises(WeightsError) as error:
        run_trial(trial)
    assert (error.value.what, error.value.where) == ("the weights changed while the study ran", start.weights)


def flags_of(command):
    """Return the recipe that the command line makes of a command, without running it."""
    _, bound, _ = app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    return dataclass_from_dict(Recipe, recipe_flags.given_values(bound.arguments["flags"])), bound.arguments


@pytest.mark.parametrize(
    "recipe", [Recipe(), replace(Recipe(), augment=False, channels_last=False, momentum=0.0), EVERYTHING], ids=range(3)
)
def test_every_field_of_a_recipe_comes_through_the_command(recipe):
    trial = Trial("v", "resnet8", to_dict(SE()), Placement(), DIGITS, "f", recipe, 7, {})
    found, read = flags_of(train_command(trial, ModelRequest("resnet8", "SE(reduction=16)", seed=7)))
    assert found == recipe
    assert (read["seed"], read["network"], read["data"], read["device"]) == (7, "resnet8", "digits", "cpu")


def test_a_command_says_where_the_data_and_the_blocks_are():
    data = DataConfig("cifar10", data_dir="/some where", train_fraction=0.25)
    trial = Trial("v", "resnet8", to_dict(SE()), Placement(), data, "f", QUICK, 0, {})
    command = train_command(trial, ModelRequest("resnet8", "SE(reduction=4)", Placement("stage[34].*", (3, 4))))
    assert "--data-dir '/some where' --train-fraction 0.25" in command
    assert "--where 'stage[34].*' --stages 3,4" in command


def test_a_command_says_what_the_network_begins_with():
    trial = Trial("v", "resnet18", to_dict(SE()), Placement(), DIGITS, "f", QUICK, 0, {})
    begun = StartConfig("my weights.pth", "new", "paper", "torch")
    command = train_command(trial, ModelRequest("resnet18", "SE(reduction=4)", start=begun))
    assert "--weights 'my weights.pth' --head new --init paper --geometry torch" in command
    assert flags_of(command)[1]["start"] == StartFlags("my weights.pth", "new", "paper", "torch")
    assert not {"--weights", "--head", "--init", "--geometry"} & {
        *shlex.split(train_command(trial, ModelRequest("resnet18")))
    }
