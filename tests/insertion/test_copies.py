"""Copies, replicas and averages of a model with blocks, other dtypes and layouts, calls that meet: all is as before."""

import copy
import functools
import io
import pickle
import threading

import pytest
import timm.utils
import torch
from held import KINDS, close, each_kind, first, holds
from tiny import images
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from senet.insertion import blocks, verify

each_one = each_kind()


def pickled(model):
    return pickle.loads(pickle.dumps(model))


def saved(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def averaged(model):
    average = AveragedModel(model)
    average.update_parameters(model)
    return average.module.eval()


def moving_average(model):
    average = timm.utils.ModelEmaV3(model, decay=0.9)
    average.update(model)
    return average.module.eval()


def loaded(model):
    new = copy.deepcopy(model)
    for parameter in new.parameters():
        nn.init.zeros_(parameter)
    new.load_state_dict(model.state_dict())
    return new


COPIES = (copy.deepcopy, pickled, saved, averaged, moving_average, loaded)


@pytest.mark.parametrize("copied", COPIES, ids=lambda f: f.__name__)
@each_one
def test_a_copy_has_its_blocks_and_shares_nothing(kind, copied):
    model = kind.model()
    expected = model(images())
    new = copied(model)
    holds(kind, new, expected)
    assert blocks(new) == blocks(model)
    name, _, owner = first(new)
    assert type(owner) is type(first(model)[2])
    for parameter in new.get_submodule(name).parameters():
        nn.init.zeros_(parameter)
    assert not close(new(images()), expected)
    assert torch.equal(model(images()), expected)


@each_one
def test_a_copy_of_a_copy_of_what_was_frozen_and_used_is_whole(kind):
    model = pickled(copy.deepcopy(kind.model().requires_grad_(False)))
    model(images())
    new = copy.deepcopy(pickled(model))
    assert not any(parameter.requires_grad for parameter in new.parameters())
    holds(kind, new, model(images()))


@each_one
def test_gradients_are_those_by_hand(kind):
    model = kind.model()
    names, parameters = zip(*model.named_parameters(), strict=True)
    x = images().requires_grad_()
    got = torch.autograd.grad(model(x).square().mean(), (x, *parameters))
    expected = torch.autograd.grad(kind.by_hand(model, x).square().mean(), (x, *parameters))
    assert any(name.startswith(tuple(blocks(model))) for name in names)
    assert all(gradient.abs().max() > 0 for gradient in expected)
    assert all(close(*pair) for pair in zip(got, expected, strict=True))


@each_one
def test_a_replica_runs_the_blocks_with_tensors_of_its_own(kind):
    """DataParallel gives each device a shallow copy of every module, and puts its children together by name."""
    model = kind.model()
    replicas = {module: module._replicate_for_data_parallel() for module in model.modules()}
    for module, replica in replicas.items():
        for name, child in module._modules.items():
            replica._modules[name] = None if child is None else replicas[child]
        for name, parameter in module._parameters.items():
            replica._parameters.pop(name, None)
            setattr(replica, name, None if parameter is None else parameter * 1.0)
        for name, buffer in module._buffers.items():
            replica._buffers[name] = buffer
    assert close(replicas[model](images()), kind.by_hand(model, images()))
    replicas[model](images()).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@each_one
def test_other_layouts_and_dtypes(kind):
    model = kind.model()
    expected = model(images())
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    assert close(last(images().to(memory_format=torch.channels_last)), expected)
    assert torch.allclose(kind.model().double()(images().double()), kind.by_hand(model.double(), images().double()))
    half = kind.model().bfloat16()
    assert torch.equal(half(images().bfloat16()), kind.by_hand(half, images().bfloat16()))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(kind.model()(images()).float(), expected, atol=0.1)


@pytest.mark.parametrize("reentrant", [True, False])
@each_one
def test_checkpointing_runs_the_blocks_twice_and_changes_no_gradient(kind, reentrant):
    model, plain = kind.model(), kind.model()
    owner, counted = first(model)[2], []
    owner.forward = functools.partial(checkpoint, owner.forward, use_reentrant=reentrant)
    model.get_submodule(first(model)[0]).register_forward_pre_hook(lambda *_: counted.append(1))
    x, y = images().requires_grad_(), images().requires_grad_()
    model(x).square().mean().backward()
    plain(y).square().mean().backward()
    assert len(counted) == 2
    assert close(x.grad, y.grad)
    for got, expected in zip(model.parameters(), plain.parameters(), strict=True):
        assert close(got.grad, expected.grad)


@each_one
def test_calls_in_several_threads_do_not_meet(kind):
    model = kind.model()
    batches = [torch.randn_like(images()) * (i + 1) for i in range(4)]
    expected = [model(batch) for batch in batches]
    wrong, barrier = [], threading.Barrier(4)

    def run(i):
        barrier.wait(10)
        wrong.extend(i for _ in range(20) if not close(model(batches[i]), expected[i]))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert not close(expected[0], expected[1])


@each_one
def test_functional_calls_use_the_tensors_that_they_are_given(kind):
    model, other = kind.model(), kind.model()
    for parameter in other.parameters():
        parameter.data.mul_(1.1)
    state = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    got = torch.func.functional_call(model, state, (images(),))
    assert close(got, kind.by_hand(other, images()))
    assert not close(got, model(images()))


@each_one
def test_an_ensemble_runs_at_once(kind):
    models = [kind.model() for _ in range(3)]
    for i, model in enumerate(models):
        for parameter in model.parameters():
            parameter.data.mul_(1 + i / 10)
    parameters, buffers = torch.func.stack_module_state(models)
    one, x = copy.deepcopy(models[0]), images()
    got = torch.vmap(lambda p, b: torch.func.functional_call(one, (p, b), (x,)))(parameters, buffers)
    expected = torch.stack([kind.by_hand(model, images()) for model in models])
    assert close(got, expected)
    assert not close(expected[0], expected[1])


class Twice(nn.Module):
    """A unit whose weights are used a second time."""

    def __init__(self, model):
        super().__init__()
        self.unit = model.stage1

    def forward(self, x):
        return self.unit(self.unit(x))


@pytest.mark.parametrize("name", ["standard", "pre", "post", "identity", "selective"])
def test_a_unit_that_is_called_twice_runs_its_block_twice(name):
    kind = KINDS[name]
    model = kind.model()
    twice, x = Twice(model), model.stem(images())
    once = model.stage1(x)
    assert set(verify(twice, x).values()) == {2}
    held = [model.get_submodule(name) for name in blocks(model)]
    model.stage2, model.fc, model.stem = nn.Sequential(), nn.Identity(), nn.Identity()
    by_hand = kind.hand(model, held[:1], once)
    assert close(twice(x).mean((2, 3)), by_hand)
