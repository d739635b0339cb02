"""Norms that are frozen, synchronised, converted or swapped after insertion: blocks run and train on, or are named."""

import copy

import pytest
import timm.layers
import timm.utils
import torch
from held import KINDS, close, each_kind, exchange, holds, inside, named_by
from tiny import images
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from senet.insertion import verify
from senet.training.setup.freeze import freeze_norms

GONE = r"bn2_drop_attention cannot run.*bn2.drop is gone"


def frozen(norm):
    new = FrozenBatchNorm2d(norm.num_features, norm.eps)
    new.load_state_dict(norm.state_dict())
    return new


def torch_sync(model):
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


def timm_sync(model):
    return timm.layers.convert_sync_batchnorm(model)


def timm_frozen(model):
    return timm.layers.freeze_batch_norm_2d(model)


def timm_frozen_and_thawed(model):
    names = [name for name, _ in model.named_children()]
    timm.utils.freeze(model, names)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    timm.utils.unfreeze(model, names)
    assert all(parameter.requires_grad for parameter in model.parameters())
    return model.eval()


def torchvision_frozen(model):
    return exchange(model, nn.BatchNorm2d, frozen)


def swapped(model):
    return exchange(model, nn.BatchNorm2d, copy.deepcopy)


def swapped_in_dictionary(model):
    return exchange(model, nn.BatchNorm2d, copy.deepcopy, lambda parent, name, new: parent._modules.update({name: new}))


KEEP_PARTS = timm_sync, timm_frozen, timm_frozen_and_thawed, swapped, swapped_in_dictionary
LOSE_PARTS = torch_sync, torchvision_frozen  # a norm with an activation inside has none after these
each_conversion = pytest.mark.parametrize("convert", [*KEEP_PARTS, *LOSE_PARTS], ids=lambda f: f.__name__)


@each_conversion
@each_kind()
def test_row_91_a_norm_that_is_converted_frozen_or_swapped_keeps_its_block_or_names_it(kind, convert):
    model = kind.model()
    expected = model(images())
    new = convert(model)
    if kind is KINDS["acting"] and convert in LOSE_PARTS:
        named_by(GONE, new)
    else:
        holds(kind, new, expected)
        assert set(verify(new, images()).values()) == {1}


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(f, marks=[] if f in (swapped, torchvision_frozen) else [pytest.mark.slow])
        for f in (*KEEP_PARTS, *LOSE_PARTS)
    ],
    ids=lambda f: f.__name__,
)
@each_kind("sequence")
def test_row_91_and_the_result_is_exported_and_compiled_before_it_ever_ran(kind, convert):
    if kind is KINDS["acting"] and convert in LOSE_PARTS:
        return
    expected = kind.model()(images())
    assert close(torch.export.export(convert(kind.model()), (images(),)).module()(images()), expected)
    torch._dynamo.reset()
    assert close(torch.compile(convert(kind.model()), fullgraph=True, backend="eager")(images()), expected)


def usual_loop(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)
    return {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}


def ours(model):
    freeze_norms(model)
    return {n for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)} - inside(model)


@pytest.mark.parametrize("freeze", [usual_loop, ours])
@each_kind()
def test_row_91_frozen_norms_keep_all_that_is_theirs_and_all_else_trains(kind, freeze):
    model = kind.model().train()
    norms = freeze(model)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(images()).square().mean().backward()
        optimizer.step()
    after = model.state_dict()
    assert all(value.isfinite().all() for value in after.values())
    assert {n.rpartition(".")[0] for n in after if torch.equal(after[n], before[n])} == norms
    assert {n.rpartition(".")[0] for n in after if not torch.equal(after[n], before[n])}.isdisjoint(norms)
    holds(kind, model.eval())
