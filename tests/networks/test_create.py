import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from catalogue_of_blocks import CONVOLUTIONS, OWN, SMALL, SMALL_GATES, VARIANTS, build, each, silent_of
from senet.attention import CBAM, SE, SK, SqueezeExcite, is_attention
from senet.errors import UsageError
from senet.networks import NETWORKS, create
from senet.networks.published.resnet import ROWS
from senet.networks.resnet import ResidualUnit

CIFAR = [name for name, spec in ROWS.items() if spec.geometry is None]
# A deep network adds units of the kinds that a shallow one has, or that one of these has.
FAST = ("resnet50", "cbam_resnext50_32x4d", "wide_resnet50_2")
DEEP_SLOW = [
    name if sum(spec.depths) < 10 or name in FAST else pytest.param(name, marks=pytest.mark.slow)
    for name, spec in ROWS.items()
]
IMAGENET = [name for name in ROWS if name not in CIFAR]


def on_meta(name, **choices):
    with torch.device("meta"):
        return create(name, **choices)


def units(model):
    return [module for module in model.modules() if isinstance(module, ResidualUnit)]


@pytest.mark.parametrize("name", DEEP_SLOW)
def test_any_classes_and_channels(name):
    size = 32 if name in CIFAR else 64
    model = on_meta(name, num_classes=7, in_channels=1)
    assert model(torch.empty(2, 1, size, size, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", DEEP_SLOW)
def test_features_are_as_the_stages_say(name):
    for geometry in [None] if name in CIFAR else ["caffe", "torch"]:
        model = on_meta(name, geometry=geometry).eval()
        assert model.head.fc.out_features == (10 if name in CIFAR else 1000)
        for size in (64, 225):
            maps = model.features(torch.empty(1, 3, size, size, device="meta"))
            assert list(maps) == [stage.name for stage in model.stages] == [f"stage{i + 2}" for i in range(len(maps))]
            # The unpadded pool rounds up from one less.
            side = size - 1 if geometry == "caffe" else size
            for stage in model.stages:
                edge = -(-side // stage.stride)
                assert maps[stage.name].shape == (1, stage.channels, edge, edge)


@pytest.mark.parametrize("name", IMAGENET)
def test_rows_are_in_the_geometry_that_their_authors_trained(name):
    torchvisions = name.startswith("wide") or name.endswith(("32x8d", "64x4d"))
    assert ROWS[name].geometry == ("torch" if name.startswith("cbam") or torchvisions else "caffe")


@pytest.mark.parametrize("name", ROWS)
def test_without_attention_no_block_is_left(name):
    model = on_meta(name, attention=None)
    assert not any(is_attention(module) for module in model.modules())
    assert not any("attention" in key or "fc1" in key for key in model.state_dict())


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "se_resnext26_32x4d",
        "sknet26",
        "resnet8",
        "resnet11b",
        pytest.param("senet154", marks=pytest.mark.slow),
    ],
)
@each((*SMALL_GATES, OWN))
def test_a_gate_weighs_the_branch_of_every_unit(name, spec):
    model = on_meta(name, attention=spec)
    assert [type(unit.attention) for unit in units(model)] == [type(build(spec))] * sum(ROWS[name].depths)


@pytest.mark.parametrize(
    ("name", "replaced"), [("resnet18", "conv1"), ("resnet8", "conv1"), ("resnext26_32x4d", "conv2")]
)
def test_a_convolution_spec_takes_the_place_of_a_3x3(name, replaced):
    for spec in CONVOLUTIONS:
        for unit in units(on_meta(name, attention=spec)):
            kinds = {key: type(child) for key, child in unit.branch.named_children()}
            assert [key for key, kind in kinds.items() if kind is type(build(spec))] == [replaced]


@pytest.mark.parametrize("spec", [*map(SE, (2, 4, 8, 16, 32)), *map(CBAM, (4, 8, 16)), SK(), SK(3), SK(kernels=(3, 5))])
def test_resnet11b_fits_every_reduction_of_the_papers(spec):
    assert create("resnet11b", attention=spec)(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def marks_of(name):
    return [pytest.mark.slow] if sum(ROWS[name].depths) > 9 else []


STEPS = [
    *(pytest.param(name, ROWS[name].attention, marks=marks_of(name)) for name in CIFAR),
    *itertools.product(["resnet8"], (*SMALL, OWN)),
    *(pytest.param("resnet8", spec, marks=pytest.mark.slow) for spec in VARIANTS if spec not in SMALL),
    *itertools.product(["resnet11b"], (*SMALL, OWN)),
]


@pytest.mark.parametrize(("name", "attention"), STEPS, ids=str)
def test_training_moves_every_parameter(name, attention):
    model = create(name, attention=attention)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):  # a last layer that starts at zero keeps gradients from those before it in the first step
        F.cross_entropy(model(torch.randn(4, 3, 32, 32)), torch.tensor([0, 1, 2, 3])).backward()
        optimizer.step()
    still = [key for key, value in model.named_parameters() if torch.equal(value, before[key])]
    assert not [key for key in still if not key.endswith(silent_of(attention))]
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize(
    ("name", "size"), [("se_resnet8", 31), ("sknet26", 33), ("cbam_resnet18", 57), ("se_resnet8", 4)]
)
def test_batch_of_one_at_odd_sizes_in_any_layout_and_autocast(name, size):
    model, x = create(name).eval(), torch.randn(1, 3, size, size + 2)
    expected = model(x)
    last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    with torch.autocast("cpu", torch.bfloat16):
        assert (model(x).float() - expected).abs().max() < 0.1 * expected.abs().max()


def test_dropout_stands_before_the_classifier_of_senet154_alone():
    assert {name: spec.dropout for name, spec in ROWS.items() if spec.dropout} == {"senet154": 0.2}
    assert {name: on_meta(name).head.dropout.p for name in ("senet154", "resnet18")} == {"senet154": 0.2, "resnet18": 0}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("resnet5O", "resnet50"), ("ResNet-50", "resnet50"), ("seresnet50", "se_resnet50"), ("senet", "senet154")],
)
def test_unknown_network_is_told_the_nearest(name, hint):
    with pytest.raises(UsageError, match=name) as error:
        create(name)
    assert error.value.do.startswith("did you mean")
    assert hint in error.value.do


def test_a_name_like_no_other_is_told_all():
    with pytest.raises(UsageError) as error:
        create("zzz")
    assert all(name in error.value.do for name in NETWORKS)


@pytest.mark.parametrize(
    ("name", "geometry"), [("resnet50", "tf"), ("resnet50", ""), *((name, "torch") for name in CIFAR)]
)
def test_geometry_that_the_row_lacks_is_refused(name, geometry):
    with pytest.raises(UsageError, match="geometr"):
        create(name, geometry=geometry)


@pytest.mark.parametrize("choices", [{"num_classes": -1}, {"in_channels": 0}, {"in_channels": -1}], ids=str)
def test_negative_classes_and_no_channels_are_refused(choices):
    with pytest.raises(UsageError, match="at least"):
        create("resnet8", **choices)


@pytest.mark.parametrize("attention", ["SE()", SE, SqueezeExcite(64, 4), nn.ReLU, 16, True], ids=str)
def test_what_is_no_spec_fits_no_slot(attention):
    with pytest.raises(UsageError, match="is no attention spec"):
        create("resnet8", attention=attention)


@pytest.mark.parametrize(("spec", "words"), [(SE(32), "reduction=32"), (CBAM(32), "reduction=32"), (SK(), "32 groups")])
def test_a_spec_that_does_not_fit_the_widths_is_refused(spec, words):
    with pytest.raises(UsageError, match=words):
        create("resnet8", attention=spec)
