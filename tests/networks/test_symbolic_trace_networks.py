# torch.fx.symbolic_trace of every family: the graph is the network, folds its norms, and hands out its maps.

import copy

import pytest
import torch
from families import CHANGES, build, odd_images
from test_parity import randomise
from torch import nn
from torch.fx import symbolic_trace
from torch.fx.experimental.optimization import fuse
from torchvision.models.feature_extraction import create_feature_extractor

from senet.attention.contract import attention_names
from senet.layers import DropPath
from senet.networks import create, features_only
from steps import assert_near, step

# Squeeze and excitation alone; a pool that branches over sizes; draws of its own and a gradient that is not theirs.
QUICK = ("se_resnet8", "se_bn_inception", "se_shake_shake_26_2x96d")
every_family = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CHANGES]
)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@every_family
def test_a_graph_computes_and_learns_what_its_network_does(name, training):
    model = randomise(build(name)).train(training)
    graph = symbolic_trace(model)
    assert graph.state_dict().keys() == model.state_dict().keys()
    for batch in (2, 3):
        x = odd_images(name, batch).double()
        expected = step(model, x)
        assert expected["gradient"].any()
        assert_near(step(graph, x), expected)


@every_family
@torch.no_grad()
def test_even_sizes_and_single_images(name):
    model = randomise(build(name))
    graph, x = symbolic_trace(model.train()).eval(), odd_images(name, 1).double()[..., :-1, :-1]
    # In evaluation the norms are the graph's; of branches over the mode it keeps that of the tracing.
    if name != "se_shake_shake_26_2x96d":
        torch.testing.assert_close(graph(x), model.eval()(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(symbolic_trace(model.eval())(x), model(x), rtol=1e-10, atol=1e-10)


@every_family
@torch.no_grad()
def test_convolutions_take_in_their_norms_and_attention_stays(name):
    model, x = randomise(build(name)), odd_images(name).double()
    folded = fuse(model)
    norms = [sum(isinstance(layer, nn.BatchNorm2d) for layer in each.modules()) for each in (folded, model)]
    assert norms[0] < norms[1] / 2
    attention = attention_names(model)
    kept = {key for key in model.state_dict() if key.rpartition(".")[0] in attention and ".bn" not in key}
    assert kept or name == "resnext29_16x32d"
    assert folded.state_dict().keys() >= kept
    torch.testing.assert_close(folded(x), model(x), rtol=1e-9, atol=1e-9)


@every_family
@torch.no_grad()
def test_torchvision_extracts_the_maps_of_the_stages_in_either_mode(name):
    model, x = randomise(build(name)), odd_images(name).double()
    extractor = create_feature_extractor(model, [stage.name for stage in model.stages])  # warns where modes differ
    for training in (False, True):
        again = copy.deepcopy(model).train(training)
        torch.manual_seed(1)
        expected = again.features(x)
        torch.manual_seed(1)
        found = extractor.train(training)(x)
        assert found.keys() == expected.keys()
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_stages_after_the_last_map_are_not_run():
    extractor = create_feature_extractor(create("se_resnet8").eval(), ["stage2"])
    assert extractor(torch.randn(1, 3, 32, 32))["stage2"].shape[2:] == (32, 32)
    assert {key.split(".")[0] for key in extractor.state_dict()} == {"stem", "stage2"}


def test_stochastic_depth_draws_the_same_in_a_graph():
    model, x = randomise(build("se_resnet8")).train(), odd_images("se_resnet8", 8).double()
    kept = step(model, x)["output"]
    for layer in model.modules():
        if isinstance(layer, DropPath):
            layer.drop_prob = 0.5
    expected = step(model, x)
    assert not torch.equal(expected["output"], kept)
    assert_near(step(symbolic_trace(model), x), expected)


@torch.no_grad()
def test_a_backbone_traces():
    found, x = features_only(create("se_resnet8").eval()), torch.randn(2, 3, 33, 31)
    torch.testing.assert_close(symbolic_trace(found)(x), found(x))


@pytest.mark.slow
@torch.no_grad()
def test_the_published_network_of_the_title():
    model, x = create("se_resnet50").double().eval(), torch.randn(1, 3, 97, 65, dtype=torch.float64)
    graph = symbolic_trace(model)
    assert graph.state_dict().keys() == model.state_dict().keys()
    torch.testing.assert_close(graph(x), model(x), rtol=1e-9, atol=1e-9)
