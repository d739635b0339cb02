# Weights that would fit by name and shape, or nearly: every one is an error that says what to do.

from dataclasses import fields
from functools import partial

import pytest
import torch
import torchvision
from sources import blank, ours_for
from test_parity import with_cbam

from catalogue_of_blocks import ROWS
from senet.attention import CBAM, SE
from senet.errors import UsageError, WeightsError
from senet.models import save_weights
from senet.networks import create
from senet.weights import load_weights

REFUSED = {
    "legacy_seresnet18": ("se_resnet18", "ReLU between the last batch norm of a branch and its squeeze"),
    "legacy_seresnet34": ("se_resnet34", "ReLU between"),
    "mobilenetv3_large_100": ("mobilenet_v3_large", "epsilon of 1e-5"),
    "tf_mobilenetv3_small_100": ("mobilenet_v3_small", "pad one side more"),
    "skresnet18": ("sknet26", "split_input"),
    "skresnet34": ("sknet26", "split_input"),
}


@pytest.mark.parametrize("reference", REFUSED)
def test_a_network_that_differs_from_the_papers_is_refused_with_the_reason(reference):
    name, reason = REFUSED[reference]
    with pytest.raises(WeightsError, match=reason):
        load_weights(ours_for(name), blank(reference))


GEOMETRY = {
    "torchvision": (
        "resnet50",
        None,
        torchvision.models.resnet50,
        'create("resnet50", geometry="torch")',
        "--network resnet50 --geometry torch",
    ),
    "timm": (
        "se_resnet50",
        None,
        "seresnet50",
        'create("se_resnet50", geometry="torch")',
        "--network se_resnet50 --geometry torch",
    ),
    "cadene": ("se_resnet50", "torch", "legacy_seresnet50", 'create("se_resnet50")', "--network se_resnet50"),
    "sk": (
        "sknet50",
        None,
        "skresnext50_32x4d",
        'create("sknet50", geometry="torch")',
        "--network sknet50 --geometry torch",
    ),
}


@pytest.mark.parametrize("case", GEOMETRY)
def test_the_wrong_geometry_is_an_error_that_prints_the_call_that_fits(case):
    name, geometry, reference, call, flags = GEOMETRY[case]
    with pytest.raises(WeightsError) as caught:
        load_weights(ours_for(name, geometry), blank(reference))
    assert "wrong logits" in caught.value.what
    assert caught.value.do == f"{call}, on the command line {flags}"


@pytest.mark.parametrize(
    ("attention", "fits"),
    [
        (SE(gate="hard_sigmoid"), "attention=SE()"),
        (SE(squeeze="max", bias=True), "SE()"),
        (SE(activation="silu"), "SE()"),
    ],
)
def test_a_gate_that_computes_something_else_is_refused_though_its_shapes_fit(attention, fits):
    model = ours_for("resnet50", "torch", attention)
    with pytest.raises(WeightsError, match="trained with SE") as caught:
        load_weights(model, blank("seresnet50"))
    assert fits in caught.value.do


def test_a_cbam_of_another_order_is_refused():
    state = blank(partial(with_cbam, torchvision.models.resnet18))
    with pytest.raises(WeightsError, match="trained with CBAM"):
        load_weights(ours_for("cbam_resnet18", None, CBAM(order="parallel")), state)


def hidden_differences():
    """Yield pairs of specs that differ in one field that shapes do not show."""
    for row in ROWS:
        for other in row.variants:
            differing = [f.name for f in fields(other) if getattr(other, f.name) != getattr(row.spec, f.name)]
            if len(differing) == 1 and differing[0] not in row.spec.shown:
                yield row.spec, other


@pytest.mark.parametrize(("one", "other"), [*hidden_differences()], ids=str)
def test_weights_that_were_trained_with_another_hidden_choice_are_refused(one, other, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(create("resnet8", attention=one), path)
    with pytest.raises(WeightsError, match="trained with") as caught:
        load_weights(create("resnet8", attention=other), path)
    assert str(one) in caught.value.do
    assert load_weights(create("resnet8", attention=one), path).source == "senet"


def test_a_new_head_keeps_its_initial_weights():
    state = torchvision.models.resnet18().state_dict()
    model = create("resnet18", geometry="torch", num_classes=7)
    before = model.head.fc.weight.clone()
    with pytest.raises(WeightsError, match=r"2 mis-shaped") as caught:
        load_weights(model, state)
    assert 'head="new"' in caught.value.do
    loaded = load_weights(model, state, head="new")
    assert loaded.skipped == ("fc.weight", "fc.bias")
    assert torch.equal(model.head.fc.weight, before)
    assert torch.equal(model.stem.conv1.conv.weight, state["conv1.weight"])
    headless = {name: value for name, value in state.items() if not name.startswith("fc.")}
    assert load_weights(model, headless, head="new").skipped == ()
    with pytest.raises(WeightsError, match="2 missing"):
        load_weights(model, headless)


def test_what_does_not_fit_is_listed_with_its_nearest_partner_and_nothing_is_changed():
    state = torchvision.models.resnet18().state_dict()
    state["layer1.0.conv1.wieght"] = state.pop("layer1.0.conv1.weight")
    state["bn1.bias"] = torch.zeros(32)
    model = create("resnet18", geometry="torch")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_weights(model, state)
    assert caught.value.what.splitlines() == [
        "the weights do not fit: 1 missing, 1 unexpected, 1 mis-shaped of 102 tensors",
        "  missing: stage2.0.branch.conv1.conv.weight (64, 64, 3, 3); nearest in the file: layer1.0.conv1.wieght",
        "  unexpected: layer1.0.conv1.wieght (64, 64, 3, 3); nearest in the network: stage2.0.branch.conv1.conv.weight",
        "  mis-shaped: stem.conv1.bn.bias (64,); in the file: bn1.bias (32,)",
    ]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_timms_wider_gates_are_an_error_that_names_their_preset():
    with pytest.raises(WeightsError) as caught:
        load_weights(ours_for("se_resnet18", "torch"), blank("seresnet18"))
    assert "SE.timm()" in caught.value.do


@pytest.mark.parametrize("reference", ["resnet50d", "ecaresnet50d", "resnet50_gn"])
def test_other_resnets_of_timms_are_refused_by_their_names(reference):
    with pytest.raises(WeightsError, match=r"do not fit|of no source"):
        load_weights(ours_for("resnet50", "torch"), blank(reference))


def test_unknown_names_sources_and_heads():
    model = create("resnet8")
    with pytest.raises(WeightsError, match=r"no source that we know: backbone.a, backbone.b"):
        load_weights(model, {"backbone.a": torch.zeros(1), "backbone.b": torch.zeros(1)})
    with pytest.raises(WeightsError, match="not of timm's ResNets or"):
        load_weights(model, {"backbone.a": torch.zeros(1)}, source="timm")
    with pytest.raises(UsageError, match="no source of weights is called 'tim'") as caught:
        load_weights(model, model.state_dict(), source="tim")
    with pytest.raises(UsageError, match="no head is called"):
        load_weights(model, model.state_dict(), head="none")
    assert caught.value.exit_code == 2


def test_a_network_that_create_did_not_make_is_refused():
    model = create("resnet18", geometry="torch")
    model.spec = None
    with pytest.raises(UsageError, match="the network has no spec"):
        load_weights(model, torchvision.models.resnet18().state_dict())
