"""A block that can no longer run is named, by the next call, by train(), by state_dict(), by verify()."""

import functools
from types import MethodType

import pytest
from held import KINDS, each_kind, first, named_by
from tiny import images

from senet.errors import UsageError
from senet.insertion import remove, verify

each_one = each_kind()


def emptied(parent, name):
    setattr(parent, name, None)


def popped(parent, name):
    parent._modules.pop(name)


each_deletion = pytest.mark.parametrize("delete", [delattr, emptied, popped], ids=lambda f: f.__name__)


@each_deletion
@each_one
def test_a_block_that_is_deleted_is_named(kind, delete):
    model = kind.model()
    name, inserted, owner = first(model)
    delete(owner, inserted.child)
    named_by(f"the inserted block {name}", model)


@each_deletion
@each_one
def test_a_module_that_is_deleted_is_named_with_its_block(kind, delete):
    name, inserted, _ = first(kind.model())
    needed = {name: path for name, path in zip(inserted.required_modules, inserted.needs, strict=True) if path}
    assert needed or kind is KINDS["post"]  # where the unit itself holds it
    for gone in needed:
        model = kind.model()
        parent, _, child = gone.rpartition(".")
        delete(model.get_submodule(parent), child)
        named_by(f"{name} cannot run: its module {gone} is gone", model)


def by_function(owner, other):
    owner.forward = lambda *args: other(*args)


def by_method_of_another(owner, other):
    owner.forward = other.forward


def by_partial(owner, other):
    owner.forward = functools.partial(other.forward)


def past_the_attributes(owner, other):
    vars(owner)["forward"] = MethodType(type(other).forward, owner)


def past_the_module(owner, other):
    object.__setattr__(owner, "forward", MethodType(type(other).forward, owner))


REPLACING = (by_function, by_method_of_another, by_partial, past_the_attributes, past_the_module)


@pytest.mark.parametrize("replace", REPLACING, ids=lambda f: f.__name__)
@each_one
def test_a_forward_that_no_longer_runs_the_blocks_is_named(kind, replace):
    model = kind.model()
    name, inserted, owner = first(model)
    replace(owner, remove(model).get_submodule(inserted.place.owner))
    for call in (lambda: model(images()), lambda: verify(model, images())):
        with pytest.raises(UsageError, match=rf"(?s)forward was replaced, and no longer runs {name}.*insert again"):
            call()


@each_one
def test_a_class_that_is_put_back_is_named_by_verify(kind):
    model = kind.model()
    name, _, owner = first(model)
    owner.__class__ = type(owner).__mro__[1]
    with pytest.raises(UsageError, match=f"forward was replaced, and no longer runs {name}"):
        verify(model, images())


def wrap(module):
    old = module.forward
    module.forward = lambda x: old(x)


def test_a_function_around_the_norm_that_a_block_runs_within_is_named():
    model = KINDS["acting"].model()
    wrap(model.bn2)
    named_by("bn2_drop_attention cannot run: bn2.forward was replaced", model)


def test_a_function_around_a_block_that_surrounds_a_convolution_is_named():
    model = KINDS["selective"].model()
    name = first(model)[0]
    wrap(model.get_submodule(name))
    for call in (lambda: model(images()), lambda: verify(model, images())):
        with pytest.raises(UsageError, match=f"{name} ran without the convolution"):
            call()
