# Batch norms over all ranks: whoever runs such a norm on one process runs F.batch_norm, so outputs can be compared on
# any machine; kinds and tensors are compared with what the libraries' own functions make.
import copy
from types import SimpleNamespace

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from normed import Normed
from senet.attention import CBAM
from senet.errors import UsageError
from senet.insertion import blocks, insert
from senet.networks import create
from senet.training import Recipe
from senet.training.loop import TrainingLoop
from senet.training.setup.freeze import FineTuneConfig
from senet.training.setup.prepare_model import convert_sync_batchnorm, prepare_network, zero_init_residual
from shaken import shaken
from toy import Heard, ToyFeed, toy_network

Batch = nn.modules.batchnorm._BatchNorm
IMAGES = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
NETWORKS = {
    "torchvision's": torchvision.models.resnet18,
    "timm's, with activations inside": lambda: timm.create_model("mobilenetv3_small_050"),
    "timm's": lambda: timm.create_model("resnet10t"),
    "ours": lambda: create("se_resnet8"),
    "ours with norms in blocks": lambda: create("resnet8", attention=CBAM(reduction=4)),
}
TIMMS = "timm's, with activations inside"
NORMED = "SE(reduction=4, norm=True)"
INSERTED = [
    ("torchvision's", NORMED, "standard"),
    ("torchvision's", "CBAM(reduction=4)", "post"),
    ("torchvision's", "SK(groups=1, reduction=4, minimum=4)", "standard"),
    ("timm's", NORMED, "identity"),
    (TIMMS, NORMED, "standard"),
    (TIMMS, "CBAM(reduction=4)", "conv3x3"),  # between a norm and the activation inside it
    (TIMMS, "SE(reduction=4)", "blocks.*.bn1"),
]


def outputs(model, train):
    torch.manual_seed(1)
    with torch.no_grad():
        return copy.deepcopy(model).train(train)(IMAGES)  # a copy: training moves statistics


def kinds(model):
    return {name: type(module) for name, module in model.named_modules()}


def require_norms_alone_changed(model, before):
    """Names, tensors and outputs are what they were, and of the modules only batch norms have another class."""
    now, were = dict(model.named_modules()), kinds(before)
    changed = {name for name, module in now.items() if type(module) is not were[name]}
    assert now.keys() == were.keys()
    assert changed == {name for name, kind in were.items() if issubclass(kind, Batch)} != set()
    assert all(isinstance(now[name], nn.SyncBatchNorm) for name in changed)
    assert model.state_dict().keys() == before.state_dict().keys()
    for train in (False, True):
        assert outputs(before, train).isfinite().all()
        assert torch.equal(outputs(model, train), outputs(before, train))


@pytest.mark.parametrize("name", NETWORKS)
def test_norms_become_what_their_libraries_make_of_them_and_compute_the_same(name):
    model = shaken(NETWORKS[name]())
    before, ids = copy.deepcopy(model), {key: id(value) for key, value in model.state_dict(keep_vars=True).items()}
    convert_sync_batchnorm(model)
    require_norms_alone_changed(model, before)
    assert {key: id(value) for key, value in model.state_dict(keep_vars=True).items()} == ids
    theirs = timm.layers.convert_sync_batchnorm(copy.deepcopy(before))
    assert kinds(model) == kinds(theirs)
    for key, module in theirs.named_modules():
        assert vars(module).keys() <= vars(model.get_submodule(key)).keys()


@pytest.mark.parametrize(("name", "spec", "where"), INSERTED)
def test_inserted_blocks_run_on_and_share_their_norms_too(name, spec, where):
    model = insert(shaken(NETWORKS[name]()), spec, where=where, again=True, example=(2, 3, 64, 64))
    before, ran = copy.deepcopy(model), []
    convert_sync_batchnorm(model)
    require_norms_alone_changed(model, before)
    assert blocks(model) == blocks(before) != {}
    for block in blocks(model):
        model.get_submodule(block).register_forward_hook(lambda *_, block=block: ran.append(block))
    model.eval()(IMAGES)
    assert sorted(ran) == sorted(blocks(before))


def test_what_hangs_on_a_norm_stays_on_it():
    model, heard = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, eps=0.5, momentum=None).eval()), []
    norm = model[1]
    norm.register_forward_hook(lambda *_: heard.append("after"))
    norm.register_forward_pre_hook(lambda *_: heard.append("before"))
    norm.weight.requires_grad_(False)
    norm.note, norm.inside = "mine", nn.PReLU()
    convert_sync_batchnorm(model)
    model(IMAGES)
    assert heard == ["before", "after"]
    assert model[1] is norm
    assert (norm.eps, norm.momentum, norm.training, norm.note) == (0.5, None, False, "mine")
    assert (norm.weight.requires_grad, norm.bias.requires_grad) == (False, True)
    assert dict(model.named_modules())["1.inside"] is norm.inside


def test_one_norm_of_two_names_stays_one():
    model = nn.ModuleDict({"a": nn.BatchNorm2d(3)})
    model["b"] = model["a"]
    convert_sync_batchnorm(model)
    assert model["a"] is model["b"]
    assert type(model["b"]) is nn.SyncBatchNorm


def test_norms_without_a_batch_are_left_alone_and_a_second_time_changes_nothing():
    model = Normed()
    before = kinds(model)
    convert_sync_batchnorm(model)
    first = kinds(model)
    changed = {name for name in before if first[name] is not before[name]}
    assert changed == {"plain", "cumulative", "acting", "unscaled", "untracked"}
    convert_sync_batchnorm(model)
    assert kinds(model) == first


class Own(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x).relu()


class Named(nn.BatchNorm2d):
    """A subclass that changes nothing of what it computes."""


def patched():
    norm = nn.BatchNorm2d(3)
    norm.forward = lambda x: x
    return norm


REFUSED = {
    "own forward": (lambda: Own(3), f"{__name__}.Own", "has a forward of its own"),
    "timm's of parts": (lambda: timm.layers.SplitBatchNorm2d(3), "SplitBatchNorm2d", "has a forward of its own"),
    "forward put on it": (patched, "BatchNorm2d", "has a forward of its own"),
    "made weight": (lambda: weight_norm(nn.BatchNorm2d(3), dim=None), "BatchNorm2d", "has a forward of its own"),
    "no size yet": (nn.LazyBatchNorm2d, "LazyBatchNorm2d", "is uninitialised"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_norm_that_nobody_knows_is_refused_by_name_and_nothing_is_changed(case):
    make, kind, why = REFUSED[case]
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.ReLU(), make()))
    before = kinds(model)
    with pytest.raises(UsageError, match=rf"the batch norm 1\.1 {why}") as error:
        convert_sync_batchnorm(model)
    assert kind in error.value.where
    assert "leave it out" in error.value.do
    assert kinds(model) == before


def test_a_subclass_that_computes_nothing_of_its_own_is_no_matter():
    model = nn.Sequential(Named(3))
    before = outputs(model, train=True)
    convert_sync_batchnorm(model)
    assert type(model[0]) is nn.SyncBatchNorm
    assert torch.equal(outputs(model, train=True), before)


def test_branches_start_at_zero_whether_or_not_their_norms_are_shared():
    alone, shared = create("resnet8"), create("resnet8")
    convert_sync_batchnorm(shared)
    for model in (alone, shared):
        zero_init_residual(model)
    zeros = [{name for name, p in model.named_parameters() if not p.any()} for model in (alone, shared)]
    assert zeros[0] == zeros[1] != set()


def test_on_one_rank_nothing_is_shared_and_on_the_cpu_it_is_refused():
    model = create("resnet8")
    before = kinds(model)
    prepare_network(model, Recipe(sync_norms=True))
    assert kinds(model) == before
    with pytest.raises(UsageError, match="SyncBatchNorm does not run on cpu"):
        prepare_network(model, Recipe(sync_norms=True), ranks=2)
    assert kinds(model) == before


def test_the_network_whose_parameters_are_checked_is_the_one_that_trains(monkeypatch):
    """Whatever is done to it before the first step comes before the check."""
    left = nn.Linear(2, 2)
    monkeypatch.setattr("senet.training.loop.prepare_network", lambda model, *_: model.conv1.add_module("left", left))
    group = SimpleNamespace(share=SimpleNamespace(rank=0, ranks=2), broadcast_from_rank0=lambda make: make())
    writer = SimpleNamespace(watch=Heard(), load_checkpoint=lambda: None)
    with pytest.raises(UsageError, match=r"unused parameters: conv1\.left\.weight, conv1\.left\.bias"):
        TrainingLoop(toy_network(), ToyFeed(), FineTuneConfig(Recipe()), 0, writer, SimpleNamespace(group=group))
