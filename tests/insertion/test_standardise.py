"""standardise(): the same function without the factor of the preserving gate."""

import re

import pytest
import torch
from tiny import SHAPE, images, tiny
from torch import nn

from catalogue_of_blocks import GATES, OWN, SMALL_GATES, each, row_of
from senet import CBAM, SE
from senet.attention import UnitGate
from senet.errors import UsageError
from senet.insertion import blocks, insert, remove, standardise


def trained(spec, **options):
    """A preserving insertion that has been trained away from its start."""
    torch.manual_seed(2)
    model = insert(tiny(), spec, init="preserve", example=SHAPE, **options)
    for name in blocks(model):
        for parameter in model.get_submodule(name).parameters():
            nn.init.normal_(parameter, std=0.5)
    return model.double()


FOLDABLE = (*(spec for spec in SMALL_GATES if not row_of(spec).unfolded), CBAM(reduction=4, spatial="none"))


def assert_the_same(model, plain):
    x = images(8).double()
    assert torch.allclose(plain.eval()(x), model.eval()(x), rtol=1e-12)
    for m in (plain, model):
        m.train().dropout.eval()
    assert torch.allclose(plain(x), model(x), rtol=1e-10)


@pytest.mark.parametrize("where", ["standard", "conv3x3", "stage1.*.conv3"])
@each(FOLDABLE)
def test_it_computes_the_same_in_eval_and_train(spec, where):
    model = trained(spec, where=where)
    assert_the_same(model, standardise(model))


@each((*GATES, OWN))
def test_every_gate_is_folded_or_says_why_not(spec):
    model = trained(spec)
    try:
        plain = standardise(model)
    except UsageError as error:
        assert spec not in FOLDABLE
        why = row_of(spec).unfolded if spec in SMALL_GATES else "raised|no rescale_input|nothing to fold"
        assert re.search(why, str(error))  # noqa: PT017  # which of them fold is the block's word
        return
    assert spec not in SMALL_GATES or not row_of(spec).unfolded
    assert_the_same(model, plain)
    assert not any(isinstance(module, UnitGate) for module in plain.modules())


def test_the_result_is_an_ordinary_se_network():
    model = trained(SE(reduction=4))
    plain = standardise(model)
    ordinary = insert(tiny(), SE(reduction=4), example=SHAPE).double()
    ordinary.load_state_dict(plain.state_dict())
    assert torch.equal(ordinary.eval()(images().double()), plain.eval()(images().double()))
    assert {block.init for block in blocks(plain).values()} == {"paper"}
    assert {block.init for block in blocks(model).values()} == {"preserve"}
    assert list(remove(plain).state_dict()) == list(tiny().state_dict())


def test_the_factors_are_the_ones_stated():
    model = trained(SE(reduction=4))
    bn, plain = model.stage1[0].bn3, standardise(model).stage1[0].bn3
    assert torch.equal(plain.weight, 2 * bn.weight)
    assert torch.equal(plain.bias, 2 * bn.bias)
    assert torch.equal(plain.attention.fc1.weight, bn.attention.fc1.weight / 2)
    assert isinstance(plain.attention.gate, nn.Sigmoid)


@pytest.mark.parametrize(
    ("spec", "options", "reason"),
    [
        (SE(reduction=4, gate="tanh"), {}, "raised"),
        (CBAM(reduction=4), {}, "no rescale_input"),
        (SE(reduction=4), {"where": "post"}, "does not follow a layer"),
        (SE(reduction=4), {"where": "pre"}, "does not follow a layer"),
    ],
    ids=str,
)
def test_what_cannot_be_folded_says_why(spec, options, reason):
    with pytest.raises(UsageError, match=reason):
        standardise(trained(spec, **options))


def test_nothing_to_fold_is_said():
    with pytest.raises(UsageError, match="no block of this model"):
        standardise(insert(tiny(), SE(reduction=4), example=SHAPE))
