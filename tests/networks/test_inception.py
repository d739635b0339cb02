# The graph itself is compared with the authors' in test_caffe_graphs.py.

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from catalogue_of_blocks import OWN, SMALL_GATES, build, each
from senet.accounting import cost
from senet.attention import SE, SK, SelectiveKernel
from senet.networks.inception import HalvingMaxPool, Inception
from senet.networks.published.inception import ROWS

MODULES = [f"inception_{name}" for name in ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b")]


def on_meta(attention=None, **choices):
    spec = replace(ROWS["bn_inception"], attention=attention)
    with torch.device("meta"):
        return spec.build(choices.get("num_classes", 1000), choices.get("in_channels", 3)).eval()


def modules(model):
    return {name.split(".")[-1]: m for name, m in model.named_modules() if isinstance(m, Inception)}


# Counted from the authors' prototxt, without its gates in the first row.
@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [("bn_inception", 11_285_224, 2_032_600_064), ("se_bn_inception", 11_931_622, 2_033_239_424)],
)
def test_counts_are_the_files(name, parameters, multiply_adds):
    with torch.device("meta"):
        found = cost(ROWS[name].build(1000, 3))
    assert (found.parameters, found.multiply_adds) == (parameters, multiply_adds)


def test_gates_without_biases():
    assert cost(on_meta(SE.paper())).parameters == 11_924_584


def test_every_module_has_a_gate_on_its_concatenation():
    model = on_meta(SE())
    assert list(modules(model)) == MODULES
    widths = [m.attention.fc1.weight.shape for m in modules(model).values()]
    assert [hidden for hidden, _ in widths] == [16, 20, 36, 36, 36, 38, 38, 66, 64, 64]
    assert [channels for _, channels in widths] == [256, 320, 576, 576, 576, 608, 608, 1056, 1024, 1024]


def test_the_last_module_pools_the_maximum():
    pools = {name: type(m.branches["pool"][0]) for name, m in modules(on_meta()).items() if "conv1x1" in m.branches}
    assert [name for name, pool in pools.items() if pool is nn.MaxPool2d] == ["inception_5b"]
    assert len(pools) == 8


@pytest.mark.parametrize("size", [64, 99, 60, 224, 225])
def test_features_are_as_the_stages_say(size):
    model = on_meta(SE())
    maps = model.features(torch.empty(1, 3, size, size + 2, device="meta"))
    assert [stage.name for stage in model.stages] == ["stage2", "stage3", "stage4", "stage5"] == list(maps)
    assert [stage.stride for stage in model.stages] == [4, 8, 16, 32]
    for stage in model.stages:
        assert maps[stage.name].shape[1] == stage.channels
        for edge, image in zip(maps[stage.name].shape[2:], (size, size + 2), strict=True):
            assert abs(edge - image / stage.stride) < 1


def test_classes_and_channels_are_free():
    model = on_meta(num_classes=7, in_channels=1)
    assert model(torch.empty(2, 1, 64, 64, device="meta")).shape == (2, 7)


@each((*SMALL_GATES, OWN))
def test_any_gate_fits(spec):
    model = on_meta(spec)
    assert {type(m.attention) for m in modules(model).values()} == {type(build(spec))}
    assert len(modules(model)) == 10
    assert model(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 1000)


def test_a_convolution_spec_takes_the_place_of_the_single_3x3():
    model = on_meta(SK())
    assert sum(isinstance(m.branches["conv3x3"].conv, SelectiveKernel) for m in modules(model).values()) == 10
    assert model(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 1000)


@pytest.mark.parametrize("size", [2, 3, 6, 7, 13])
def test_the_pool_of_stride_2_is_caffes_on_even_maps_and_as_wide_as_a_convolution_on_odd_ones(size):
    x = torch.randn(1, 1, size, size)
    pooled = HalvingMaxPool()(x)
    assert pooled.shape[2:] == F.conv2d(x, torch.zeros(1, 1, 3, 3), stride=2, padding=1).shape[2:]
    for i in range(pooled.shape[2]):
        for j in range(pooled.shape[3]):
            assert pooled[0, 0, i, j] == x[0, 0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max()


def test_training_moves_every_parameter():
    model = ROWS["se_bn_inception"].build(4, 3)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    F.cross_entropy(model(torch.randn(4, 3, 64, 64)), torch.arange(4)).backward()
    optimizer.step()
    assert not [key for key, value in model.named_parameters() if torch.equal(value, before[key])]


@pytest.mark.slow
def test_one_graph_and_export():
    model, x = ROWS["se_bn_inception"].build(10, 3).eval(), torch.randn(2, 3, 60, 60)  # odd at 3c
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x))
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    x = torch.randn(5, 3, 60, 60)
    torch.testing.assert_close(program.module()(x), model(x))
