"""A selective kernel in the place of a convolution that stays as its first branch."""

import pytest
import torch
from tiny import SHAPE, images, tiny
from torch import nn

from senet import SK
from senet.errors import UsageError
from senet.insertion import blocks, insert, remove

SPEC = SK(groups=1, minimum=4)


def test_the_result_is_the_papers_block_with_the_old_convolution_as_first_branch():
    model = insert(tiny(), SPEC, stages=(2,), example=SHAPE).eval().double()
    name = next(iter(blocks(model)))
    assert name == "stage1.0.bn2_attention"
    kernel, unit = model.get_submodule(name), model.stage1[0]
    whole = SPEC(8, 8).eval().double()
    whole.load_state_dict(
        {
            **kernel.state_dict(),
            "branches.0.conv.weight": unit.conv2.weight,
            **{f"branches.0.bn.{k}": v for k, v in remove(model).stage1[0].bn2.state_dict().items()},
        }
    )
    seen = []
    unit.conv2.register_forward_hook(lambda m, args, out: seen.append(args[0]))
    unit.conv3.register_forward_hook(lambda m, args, out: seen.append(args[0]))
    model(images().double())
    assert torch.allclose(seen[1], whole(seen[0]), atol=1e-12)


def test_all_old_keys_stay_and_the_first_branch_has_none_of_its_own():
    model = insert(tiny(), SPEC, example=SHAPE)
    new = set(model.state_dict()) - set(tiny().state_dict())
    assert new
    assert not any("branches.0" in key for key in new)
    assert all(".bn2_attention." in key for key in new)


def test_the_gradient_reaches_both_branches():
    model = insert(tiny(), SPEC, example=SHAPE)
    model(images()).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_it_strides_where_the_convolution_does():
    model = insert(tiny(), SPEC, stages=(3,), example=SHAPE)
    strides = {m.stride for m in model.stage2[0].bn2_attention.modules() if isinstance(m, nn.Conv2d)}
    assert strides == {(2, 2)}


def test_other_activations_are_refused():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())
    with pytest.raises(UsageError, match="that a ReLU follows"):
        insert(model, SPEC, example=SHAPE)


def test_it_cannot_preserve():
    with pytest.raises(UsageError, match='init="paper"'):
        insert(tiny(), SPEC, init="preserve", example=SHAPE)


def test_groups_that_do_not_divide_are_named():
    with pytest.raises(UsageError, match="groups"):
        insert(tiny(), SK(groups=32), example=SHAPE)
