"""What wraps a forward, leaves a unit out or reads a model is no fault: the blocks run on, and nothing is raised."""

import functools
from types import MethodType

import pytest
import torch
from held import KINDS, close, each_kind, first, holds
from tiny import SHAPE, images, tiny
from torch import nn
from torch.utils.checkpoint import checkpoint

from senet import SE
from senet.insertion import insert, verify

NESTED = {"acting": "bn2", "selective": "stage1.0.bn2_attention"}  # copied for a call, so that blocks run in it


def function_around(module):
    old = module.forward
    module.forward = lambda *args: old(*args)


def checkpoint_around(module):
    module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)


def own_method(module):
    module.forward = MethodType(type(module).forward, module)


def method_of_the_class_before(module):
    module.forward = MethodType(type(module).__mro__[1].forward, module)


WRAPPING = (function_around, checkpoint_around, own_method, method_of_the_class_before)


@pytest.mark.parametrize("wrap", WRAPPING, ids=lambda f: f.__name__)
@each_kind()
def test_a_forward_that_calls_the_old_one_raises_no_alarm(kind, wrap):
    model = kind.model()
    expected = model(images())
    wrap(first(model)[2])
    holds(kind, model, expected)
    assert set(verify(model, images()).values()) == {1}
    assert model.train().state_dict()
    holds(kind, model.eval(), expected)


@pytest.mark.parametrize(
    "wrap",
    [own_method, *(pytest.param(w, marks=pytest.mark.slow) for w in WRAPPING if w is not own_method)],
    ids=lambda f: f.__name__,
)
@each_kind("identity")
def test_nor_does_it_where_a_compiler_reads_the_model(kind, wrap):
    model = kind.model()
    expected = model(images())
    wrap(first(model)[2])
    torch._dynamo.reset()
    assert close(torch.compile(model, fullgraph=True, backend="eager")(images()), expected)
    assert close(torch.export.export(model, (images(),)).module()(images()), expected)


@pytest.mark.parametrize("wrap", [checkpoint_around, own_method], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", NESTED)
def test_a_method_around_what_a_call_copies_runs_on_the_copy(name, wrap):
    model = KINDS[name].model()
    expected = model(images())
    wrap(model.get_submodule(NESTED[name]))
    holds(KINDS[name], model, expected)
    assert close(torch.export.export(model, (images(),)).module()(images()), expected)


@pytest.mark.parametrize("name", [n if n == "acting" else pytest.param(n, marks=pytest.mark.slow) for n in NESTED])
def test_and_is_compiled_whole(name):
    model = KINDS[name].model()
    expected = model(images())
    own_method(model.get_submodule(NESTED[name]))
    torch._dynamo.reset()
    assert close(torch.compile(model, fullgraph=True, backend="eager")(images()), expected)


@pytest.mark.parametrize("name", NESTED)
def test_what_a_call_copies_may_be_compiled_by_itself(name):
    model = KINDS[name].model()
    expected = model(images())
    model.get_submodule(NESTED[name]).compile(backend="eager")
    holds(KINDS[name], model, expected)


class Skipping(nn.Module):
    """Units that are left out at random, as Fan et al. 1909.11556 do in training."""

    def __init__(self, model):
        super().__init__()
        self.model, self.skipped = model, ()

    def forward(self, x):
        x = self.model.stem(x)
        for i, unit in enumerate(self.model.stage1):
            x = x if i in self.skipped else unit(x)
        return x.mean((2, 3))


@pytest.mark.parametrize("where", ["standard", "pre", "post", "identity"])
def test_a_unit_that_is_skipped_raises_no_alarm(where):
    model = Skipping(insert(tiny(3), SE(reduction=2), where=where, example=SHAPE, stages=[2])).train()
    for model.skipped in ((), (0,), (1, 2), (0, 1, 2)):
        model(images()).sum().backward()
        runs = verify(model, images())
        assert [n for n, count in enumerate(runs.values()) if not count] == [*model.skipped]
        model.train().state_dict()


@each_kind()
def test_a_forward_may_leave_a_unit_out_once_it_has_run_it(kind):
    model = kind.model()
    owner = first(model)[2]
    old, skip = owner.forward, []
    owner.forward = lambda *args: args[0] if skip else old(*args)
    expected = owner(*owner_input(model, owner))
    assert torch.isfinite(expected).all()
    skip.append(True)
    assert torch.equal(owner(torch.ones(1)), torch.ones(1))


def owner_input(model, owner):
    """Return what the module is given in a call of the model."""
    seen = []
    hook = owner.register_forward_pre_hook(lambda module, args: seen.append(args))
    model(images())
    hook.remove()
    return seen[0]
