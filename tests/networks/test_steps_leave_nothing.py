# A step of training frees its graph: a function of autograd that keeps a tensor with a graph would keep itself with it.
import gc
import weakref

import families
import pytest
import torch

from catalogue_of_blocks import OWN, SMALL, each
from senet.networks import create


class Held:
    """What the graph keeps of a tensor."""

    def __init__(self, tensor):
        self.tensor = tensor


def left_by_a_step(model, x):
    """Return how many tensors of a graph live on after all that leads to it is gone."""
    held = weakref.WeakSet()

    def pack(tensor):
        one = Held(tensor.detach())
        held.add(one)
        return one

    gc.collect()
    gc.disable()  # which does not see what the graph holds
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one.tensor):
            loss = model.train()(x).square().sum()
            loss.backward(retain_graph=True)
        assert held
        del loss
        return len(held)
    finally:
        gc.enable()


@pytest.mark.parametrize("name", families.CHANGES)
def test_a_step_of_every_family(name):
    assert left_by_a_step(families.build(name), families.odd_images(name)) == 0


@each((*SMALL, OWN))
def test_a_step_with_every_block(spec):
    assert left_by_a_step(create("resnet8", attention=spec), torch.randn(2, 3, 9, 9)) == 0


def test_what_it_would_find():
    kept = []
    model = create("se_resnet8")
    model.stage2[0].register_forward_hook(lambda *args: kept.append(args[2]))
    assert left_by_a_step(model, torch.randn(2, 3, 9, 9)) > 0
