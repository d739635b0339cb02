"""standardise(): the same function without the factor of the preserving gate."""

import re

import pytest
import timm
import torch
from tiny import SHAPE, images, tiny
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

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
    unit, plain = model.stage1[0], standardise(model).stage1[0]
    assert torch.equal(plain.bn3.weight, 2 * unit.bn3.weight)
    assert torch.equal(plain.bn3.bias, 2 * unit.bn3.bias)
    assert torch.equal(plain.bn3_attention.fc1.weight, unit.bn3_attention.fc1.weight / 2)
    assert isinstance(plain.bn3_attention.gate, nn.Sigmoid)


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


def tie(first, second):
    """Let one module have the other's parameter; both by the path of the parameter, ``{n}`` being the nth block."""

    def tied(model):
        (one, key), (other, theirs) = (path.format(*blocks(model)).rsplit(".", 1) for path in (first, second))
        setattr(model.get_submodule(one), key, getattr(model.get_submodule(other), theirs))

    return tied


def another_name(model):
    model.norms = nn.ModuleList([model.stage1[0].bn3])


SHARED = {
    "scales of two norms": (tie("stage1.1.bn3.weight", "stage1.0.bn3.weight"), "stage1.1.bn3.weight"),
    "shifts of two norms": (tie("stage1.1.bn3.bias", "stage1.0.bn3.bias"), "stage1.1.bn3.bias"),
    "a scale and that of a norm without a block": (
        tie("stage1.0.bn1.bn.weight", "stage1.0.bn3.weight"),
        "bn1.bn.weight",
    ),
    "a scale and another thing's": (tie("fc.bias", "stage1.0.bn3.bias"), "fc.bias"),
    "squeezes of two blocks": (tie("{1}.fc1.weight", "{0}.fc1.weight"), "{1}.fc1.weight"),
    "a norm of two names": (another_name, "norms.0.weight"),
}


@pytest.mark.parametrize("case", SHARED)
def test_what_is_shared_would_be_scaled_twice_and_is_refused_with_both_names(case):
    share, name = SHARED[case]
    model = trained(SE(reduction=4))
    model.stage1[0].bn1.add_module("bn", nn.BatchNorm2d(16).double())
    assert standardise(model)
    share(model)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(UsageError, match=r"stage1\.0\..* is .*which would be scaled as well") as error:
        standardise(model)
    assert name.format(*blocks(model)) in error.value.what
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_what_folding_leaves_as_it_is_may_be_shared():
    model = trained(SE(reduction=4))
    tie("{1}.fc2.weight", "{0}.fc2.weight")(model)
    tie("stage1.1.conv3.weight", "stage1.0.conv3.weight")(model)
    assert_the_same(model, standardise(model))


def test_memory_that_is_shared_is_not_in_the_copy_that_is_folded():
    model = trained(SE(reduction=4))
    model.stage1[1].bn3.bias.data = model.stage1[0].bn3.bias.data
    assert_the_same(model, standardise(model))


def test_a_layer_that_two_blocks_follow_is_refused():
    model = trained(SE(reduction=4))
    model = insert(model, SE(reduction=4), init="preserve", example=images().double(), again=True)
    second = next(name for name in blocks(model) if name.endswith("attention2"))
    with pytest.raises(UsageError, match=rf"stage1\.0\.bn3 would be scaled for {re.escape(second)} too"):
        standardise(model)


class Rectified(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x).sigmoid()


LAYERS = {
    "a norm with an activation inside": lambda: timm.layers.BatchNormAct2d(16, act_layer=nn.Hardswish),
    "a norm of one's own": lambda: Rectified(16),
    "a norm without a scale": lambda: nn.BatchNorm2d(16, affine=False),
    "a scale that is made of others": lambda: weight_norm(nn.BatchNorm2d(16), dim=None),
    "a convolution that scales its weight": lambda: timm.layers.StdConv2d(16, 16, 1),
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_whose_output_does_not_grow_with_its_weight_is_refused(case):
    model = tiny()
    model.stage1[0].bn3 = LAYERS[case]()
    model = insert(model, SE(reduction=4), where="stage1.0.bn3", init="preserve", example=SHAPE)
    with pytest.raises(UsageError, match="does not follow a layer whose scale could take the factor"):
        standardise(model)


@pytest.mark.parametrize("make", [lambda: nn.InstanceNorm2d(16, affine=True), lambda: nn.GroupNorm(4, 16)])
def test_other_norms_take_the_factor_too(make):
    model = tiny()
    model.stage1[0].bn3 = make()
    model = insert(model, SE(reduction=4), where="stage1.0.bn3", init="preserve", example=SHAPE).double()
    assert_the_same(model, standardise(model))


@pytest.mark.parametrize(
    ("spec", "options", "advice"),
    [
        (CBAM(reduction=4), {}, "keep the model as it is"),
        (CBAM(reduction=4), {"where": "post"}, "keep the model as it is"),
        (OWN, {}, "keep the model as it is, or give OwnGate a rescale_input(factor)"),
        (SE(reduction=4, gate="tanh"), {"where": "post"}, 'keep the model as it is, or insert it with gate="sigmoid"'),
        (SE(reduction=4), {"where": "post"}, 'keep the model as it is, or insert it right behind such a layer, as '
         'where="standard" does in a plain ResNet'),
    ],
    ids=str,
)  # fmt: skip
def test_the_advice_is_of_what_would_help_this_block(spec, options, advice):
    with pytest.raises(UsageError) as error:
        standardise(trained(spec, **options))
    assert error.value.do == advice


def test_nothing_to_fold_is_said():
    with pytest.raises(UsageError, match="no block of this model"):
        standardise(insert(tiny(), SE(reduction=4), example=SHAPE))
