# Layers by their operators, against the layers called.

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from senet.ops.chain import OPERATORS, chain


def called(x, *layers):
    for layer in layers:
        x = layer(x)
    return x


def rows_layers():
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(4)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return [nn.Linear(6, 4), norm, nn.ReLU(), nn.Linear(4, 6, bias=False), nn.Identity(), nn.Hardsigmoid()]


def gradients(run, x, layers):
    x = x.clone().requires_grad_()
    result = run(x, *layers)
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    return result, torch.autograd.grad(result.square().sum(), [x, *parameters])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("gate", [nn.Sigmoid(), nn.Hardsigmoid(), nn.ReLU(), nn.Tanh(), nn.Softmax(1)])
def test_equals_the_calls(gate, training):
    layers = [layer.train(training) for layer in [*rows_layers()[:-1], gate]]
    twins, x = copy.deepcopy(layers), torch.randn(5, 6)
    torch.testing.assert_close(gradients(chain, x, layers), gradients(called, x, twins))
    with torch.inference_mode():
        torch.testing.assert_close(chain(x, *layers), called(x, *twins))
    for layer, twin in zip(layers, twins, strict=True):
        assert layer.state_dict().keys() == twin.state_dict().keys()
        torch.testing.assert_close(layer.state_dict(), twin.state_dict())


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Sigmoid(), nn.Hardsigmoid(), nn.Identity()])
def test_what_it_is_given_stays_as_it_is(layer):
    x = torch.randn(3, 4)
    before = x.clone()
    with torch.no_grad():
        chain(x, layer, nn.ReLU())
    assert x.equal(before)


def test_every_hook_hears_of_its_layer():
    layers, heard = [layer.eval() for layer in rows_layers()], []
    for layer in layers:
        layer.register_forward_hook(lambda _, args, result: heard.append((args[0], result)))
        layer.register_forward_pre_hook(lambda _, args: heard.append(args))
    with torch.no_grad():
        chain(torch.randn(2, 6), *layers)
    assert len(heard) == 2 * len(layers)


@pytest.mark.parametrize("heard_by", range(6))
def test_what_a_hook_has_seen_is_not_overwritten(heard_by):
    layers, seen = [layer.eval() for layer in rows_layers()], []
    layers[heard_by].register_forward_hook(lambda _, args, result: seen.extend([args[0], result]))
    x = torch.randn(2, 6)
    with torch.no_grad():
        chain(x, *layers)
        expected = [called(x, *layers[:heard_by]), called(x, *layers[: heard_by + 1])]
    torch.testing.assert_close(seen[:2], expected)


def test_weights_that_are_no_parameters_of_the_layer():
    x = torch.randn(3, 6)
    pruned, bound, replaced = (nn.Linear(6, 4) for _ in range(3))
    prune.l1_unstructured(pruned, "weight", amount=0.5)
    parametrize.register_parametrization(bound, "weight", nn.Tanh())
    weight = replaced.weight.detach()
    del replaced.weight
    replaced.weight = weight  # as torch.nn.parallel.replicate leaves a layer
    for layer in (pruned, bound, replaced):
        torch.testing.assert_close(chain(x, layer), layer(x))


def test_a_layer_with_another_forward():
    class Twice(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    layer, own = Twice(6, 4), nn.Linear(6, 4)
    own.forward = lambda x: x + 1
    x = torch.randn(3, 6)
    torch.testing.assert_close(chain(x, layer), layer(x))
    torch.testing.assert_close(chain(x, own), x + 1)


def test_autocast():
    layers, x = [layer.eval() for layer in rows_layers()], torch.randn(3, 6)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found, expected = chain(x, *layers), called(x, *layers)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected)


def test_exported_it_is_the_calls():
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(rows_layers())

        def forward(self, x):
            return chain(x, *self.layers)

    model, x = Whole().eval(), torch.randn(3, 6)
    program = torch.export.export(model, (x,))
    assert "aten.relu.default" in {str(node.target) for node in program.graph.nodes}
    torch.testing.assert_close(program.module()(x), model(x))


CONVOLUTIONS = [
    nn.Conv2d(2, 1, 7, padding=3, bias=False),
    nn.Conv2d(3, 1, 3),
    nn.Conv2d(2, 1, (3, 1), stride=2, padding=(1, 0)),
    nn.Conv2d(2, 1, 3, padding="same"),
    nn.Conv2d(2, 1, 3, padding=1, padding_mode="reflect"),
    nn.Conv2d(2, 1, 3, dilation=2),
    nn.Conv2d(4, 2, 3, groups=2),
]


@pytest.mark.parametrize("size", [5, 9, 70])  # 70: above SMALL
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
def test_convolutions(layer, layout, size):
    x = torch.randn(2, layer.in_channels, size, size).to(memory_format=layout)
    with torch.no_grad():
        torch.testing.assert_close(chain(x, layer), layer(x))
    torch.testing.assert_close(gradients(chain, x, [layer]), gradients(called, x, [layer]), rtol=1e-4, atol=1e-3)


def test_a_convolution_of_no_images():
    layer = CONVOLUTIONS[0]
    with torch.no_grad():
        assert chain(torch.empty(0, 2, 5, 5), layer).shape == layer(torch.empty(0, 2, 5, 5)).shape


def test_the_operators_are_those_of_torch():
    assert all(kind.__module__.startswith("torch.nn.") for kind in OPERATORS)
