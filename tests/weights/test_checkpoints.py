# Checkpoints as training scripts write them: which tensors load, and what is said of the rest.

import argparse
import collections
import datetime
import enum
import pathlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from senet.errors import WeightsError
from senet.weights import load_weights
from senet.weights.files.read import read_weights


class Mode(enum.Enum):
    FAST = "fast"


class Settings(dict):
    """As yacs' CfgNode: a dict with a state of its own."""

    def __init__(self, **values):
        super().__init__(values)
        self.__dict__["frozen"] = True


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, classes)
        self.register_buffer("grid", torch.zeros(2), persistent=False)


@pytest.fixture
def raw():
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def average(raw):
    averaged = AveragedModel(raw, use_buffers=True)
    averaged.update_parameters(raw)
    moved = Net()
    averaged.update_parameters(moved)
    return averaged


def bare(average):
    return average.module.state_dict()


def saved(tmp_path, value, name="w.pth", legacy=False):
    torch.save(value, tmp_path / name, _use_new_zipfile_serialization=not legacy)
    return tmp_path / name


def has(model, state):
    return all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def arguments():
    return argparse.Namespace(
        lr=0.1,
        output=pathlib.PurePosixPath("/runs/a"),
        mode=Mode.FAST,
        begun=datetime.datetime(2024, 5, 1),
        rate=np.float64(0.5),
        shape=np.arange(3),
        groups=collections.defaultdict(list, a=[1]),
        last=collections.deque([1.0], maxlen=3),
        config=Settings(depth=3),
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_row_102_timms_checkpoint_loads_the_average_and_names_both(tmp_path, raw, average, legacy):
    value = {
        "epoch": 3,
        "arch": "net",
        "state_dict": raw.state_dict(),
        "state_dict_ema": bare(average),
        "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
        "args": arguments(),
        "metric": np.float64(71.5),
        "version": 2,
    }
    file, model = saved(tmp_path, value, "checkpoint.pth.tar", legacy), Net()
    loaded = load_weights(model, file)
    assert has(model, bare(average))
    contents = loaded.contents
    assert (contents.taken, contents.averaged, contents.raw) == ("state_dict_ema", "state_dict_ema", "state_dict")
    assert dict(contents.states) == {"state_dict": 9, "state_dict_ema": 9}
    assert [one.partition(" (")[0] for one in contents.passed] == [
        "epoch",
        "arch",
        "optimizer",
        "args",
        "metric",
        "version",
    ]
    assert "the average (state_dict_ema) is loaded; --raw (raw=True) takes state_dict" in str(loaded)
    loaded = load_weights(model, file, raw=True)
    assert has(model, raw.state_dict())
    assert "state_dict is loaded, not the average (state_dict_ema)" in str(loaded)


@pytest.mark.parametrize("legacy", [False, True])
def test_row_102_torchvisions_checkpoint_leaves_its_counter_out_by_name(tmp_path, raw, average, legacy):
    value = {"model": raw.state_dict(), "model_ema": average.state_dict(), "epoch": 1, "args": arguments()}
    file, model = saved(tmp_path, value, legacy=legacy), Net()
    loaded = load_weights(model, file)
    assert has(model, bare(average))
    assert loaded.contents.unused == ("n_averaged",)
    assert "1 tensor is no weights: n_averaged" in str(loaded)
    load_weights(model, file, raw=True)
    assert has(model, raw.state_dict())


# Other people's ways to keep an average: keys, or prefixes in one state dict.
WAYS = {
    "basicsr": lambda raw, ema: {"params": raw, "params_ema": ema},
    "its own key": lambda raw, ema: {"model_state_dict": raw, "ema_state_dict": ema},
    "net": lambda raw, ema: {"net": raw, "ema": ema, "acc": 1.0},
    "lightning's WeightAveraging": lambda raw, ema: {"current_model_state": raw, "state_dict": ema},
    "ema-pytorch": lambda raw, ema: {
        **{f"online_model.{name}": value for name, value in raw.items()},
        **{f"ema_model.{name}": value for name, value in ema.items()},
        "initted": torch.tensor(True),
        "step": torch.tensor(3),
    },
    "a module that holds one": lambda raw, ema: {
        "state_dict": {
            **{f"model.{name}": value for name, value in raw.items()},
            **{f"ema.module.{name}": value for name, value in ema.items()},
            "criterion.weight": torch.ones(2),
        }
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_row_102_the_average_however_it_is_kept(tmp_path, raw, average, way):
    file, model = saved(tmp_path, WAYS[way](raw.state_dict(), bare(average))), Net()
    loaded = load_weights(model, file)
    assert has(model, bare(average))
    assert "the average (" in str(loaded)
    loaded = load_weights(model, file, raw=True)
    assert has(model, raw.state_dict())
    assert "not the average" in str(loaded)


def test_row_102_an_average_without_statistics_takes_those_of_the_raw_weights(tmp_path, raw, average):
    parameters = dict(average.module.named_parameters())
    file, model = saved(tmp_path, {"model": raw.state_dict(), "model_ema": parameters}), Net()
    loaded = load_weights(model, file)
    assert torch.equal(model.conv1.weight, average.module.conv1.weight)
    assert torch.equal(model.bn1.running_mean, raw.bn1.running_mean)
    assert "the average has no bn1.running_mean: 3 statistics of model are taken with it" in str(loaded)


def test_row_102_raw_where_there_is_no_average_is_said(tmp_path, raw):
    assert "changes nothing" in str(load_weights(Net(), saved(tmp_path, raw.state_dict()), raw=True))


def test_several_state_dicts_without_a_usual_name_are_not_guessed_among(tmp_path, raw):
    file = saved(tmp_path, {"student": raw.state_dict(), "teacher": raw.state_dict()})
    with pytest.raises(WeightsError, match="'student', 'teacher'") as caught:
        read_weights(file)
    assert "torch.save(torch.load(" in caught.value.do
    assert read_weights(saved(tmp_path, {"generator": raw.state_dict(), "epoch": 1})).contents.taken == "generator"


def test_an_averaged_models_own_state_dict(tmp_path, raw, average):
    model = Net()
    loaded = load_weights(model, saved(tmp_path, average.state_dict()))
    assert has(model, bare(average))
    assert loaded.contents.unused == ("n_averaged",)
    again = AveragedModel(Net())
    load_weights(again, average.state_dict())
    assert has(again.module, bare(average))


def test_row_103_lightnings_checkpoint(tmp_path, raw):
    value = {
        "epoch": 1,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {f"model.{name}": value for name, value in raw.state_dict().items()},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_path": pathlib.PurePosixPath("/a")}},
        "hparams_name": "kwargs",
        "hyper_parameters": Settings(lr=0.1),
        "optimizer_states": [],
    }
    model = Net()
    loaded = load_weights(model, saved(tmp_path, value, "last.ckpt"))
    assert has(model, raw.state_dict())
    assert loaded.contents.prefix == "model."
    said = dict(one.rstrip(")").split(" (") for one in loaded.contents.passed if " (" in one)
    assert said["callbacks"] == "pathlib.PurePosixPath"
    assert said["hyper_parameters"].endswith(".Settings")


def test_row_103_every_foreign_class_is_named_with_its_key(tmp_path, raw):
    value = {"model": raw.state_dict(), "args": arguments(), "more": [SimpleNamespace(a=1)], "when": Mode.FAST}
    passed = read_weights(saved(tmp_path, value)).contents.passed
    assert [one.partition(" (")[0] for one in passed] == ["args", "more", "when"]
    assert "argparse.Namespace" in passed[0]
    assert passed[1] == "more (types.SimpleNamespace)"
    assert f"{__name__}.Mode)" in passed[2]  # some versions of Python pickle a member by getattr


@pytest.mark.parametrize("legacy_average", [False, True])
def test_row_103_a_whole_model_is_read_off_without_its_code(tmp_path, raw, average, legacy_average):
    model, trained = Net(), raw.train()
    value = {"epoch": 1, "model": trained, "ema": average if legacy_average else average.module, "train_args": {}}
    loaded = load_weights(model, saved(tmp_path, value))
    assert has(model, bare(average))
    assert "saved whole" in str(loaded)
    loaded = load_weights(model, saved(tmp_path, value), raw=True)
    assert has(model, raw.state_dict())
    loaded = load_weights(model, saved(tmp_path, raw))
    assert has(model, raw.state_dict())
    assert loaded.contents.whole == f"{__name__}.Net"
    assert len(loaded.placed) == 8  # the grid does not persist


def test_row_103_values_that_are_no_tensors_are_refused_by_name(tmp_path, raw):
    state = {name: value.numpy() for name, value in raw.state_dict().items()}
    with pytest.raises(WeightsError, match=r"conv1.weight \(numpy.*_reconstruct\)"):
        read_weights(saved(tmp_path, {"model": state}))


PREFIXES = ["module.", "_orig_mod.", "model.", "net.", "backbone.", "model.net.", "module.model.", "encoder_q."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_come_off_where_the_model_has_none(tmp_path, raw, prefix):
    state, model = {f"{prefix}{name}": value for name, value in raw.state_dict().items()}, Net()
    load_weights(model, saved(tmp_path, {"net": state}))
    assert has(model, raw.state_dict())


def test_prefixes_stay_where_the_model_has_them(raw):
    for name in ("model", "net", "backbone", "ema_model"):
        around = nn.ModuleDict({name: Net(), "neck": nn.Linear(2, 2)})
        state = {f"{name}.{key}": value for key, value in raw.state_dict().items()} | around["neck"].state_dict(
            prefix="neck."
        )
        assert load_weights(around, state).contents.prefix == ""
        assert has(around[name], raw.state_dict())


def test_two_prefixes_that_fit_alike_are_not_guessed_among(raw):
    state = {f"{prefix}{name}": v for prefix in ("student.", "teacher.") for name, v in raw.state_dict().items()}
    with pytest.raises(WeightsError, match=r"student\. or teacher\. taken off"):
        load_weights(Net(), state)


def test_a_profilers_counts_are_left_out_and_counted(raw):
    counts = {
        f"{part}{name}": torch.zeros(1) for part in ("", "conv1.", "fc.") for name in ("total_ops", "total_params")
    }
    model = Net()
    loaded = load_weights(model, {**raw.state_dict(), **counts})
    assert has(model, raw.state_dict())
    assert set(loaded.contents.unused) == set(counts)
    assert "6 tensors are no weights: total_ops" in str(loaded)
    profiled = Net()
    for module in (profiled, profiled.conv1, profiled.fc):
        module.register_buffer("total_ops", torch.ones(1))
        module.register_buffer("total_params", torch.ones(1))
    assert load_weights(profiled, {**raw.state_dict(), **counts}).contents.unused == ()
    assert profiled.conv1.total_ops.item() == 0


def test_networks_of_ours_take_checkpoints_too(tmp_path):
    import torchvision

    from senet.networks import create

    theirs = torchvision.models.resnet18(num_classes=3)
    state = {f"model.{name}": value for name, value in theirs.state_dict().items()}
    extra = {"model.total_ops": torch.zeros(1), "criterion.weight": torch.ones(3)}
    file = saved(tmp_path, {"state_dict": {**state, **extra}, "hyper_parameters": arguments()}, "last.ckpt")
    model = create("resnet18", geometry="torch", num_classes=3).eval()
    loaded = load_weights(model, file)
    assert loaded.source == "torchvision"
    assert {*loaded.contents.unused} == {"model.total_ops", "criterion.weight"}
    x = torch.randn(1, 3, 33, 33)
    torch.testing.assert_close(model(x), theirs.eval()(x), rtol=1e-3, atol=1e-4)
