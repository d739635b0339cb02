"""Layers that are fused, wrapped or given other weights after insertion: blocks run and train on, or are named."""

from itertools import pairwise

import pytest
from held import KINDS, close, each_kind, exchange, holds, inside, named_by
from tiny import images
from torch import nn
from torch.ao import quantization
from torch.fx.experimental.optimization import fuse as fuse_graph
from torch.nn.utils import fuse_conv_bn_eval, parametrizations, prune

from senet import SE
from senet.insertion import blocks, insert, verify

# what torch says of its own quantisation: it moves to another package
pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Please use quant_min:UserWarning"),
]


def pairs(model):
    """Name each convolution and the norm behind it."""
    for name, parent in model.named_modules():
        children = [(n, child) for n, child in parent.named_children() if "attention" not in n]
        for (conv, first), (norm, second) in pairwise(children):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d) and name not in inside(model):
                yield f"{name}.{conv}".lstrip("."), f"{name}.{norm}".lstrip(".")


def fused(model):
    """Fold each norm into the convolution before it, as inference code does."""
    for conv, norm in [*pairs(model)]:
        model.set_submodule(conv, fuse_conv_bn_eval(model.get_submodule(conv), model.get_submodule(norm)))
        model.set_submodule(norm, nn.Identity())
    return model


def fused_for_quantisation(model):
    return quantization.fuse_modules(model, [[*pair] for pair in pairs(model)])


@pytest.mark.parametrize("fuse", [fused, fused_for_quantisation])
@each_kind()
def test_row_92_a_norm_that_is_folded_into_its_convolution_keeps_its_block_or_names_it(kind, fuse):
    model = kind.model()
    expected = model(images())
    if kind is KINDS["acting"]:  # which torch's quantisation does not fuse
        named_by(r"bn2_drop_attention cannot run.*bn2.drop is gone", fused(model))
    else:
        new = fuse(model)
        assert not any(isinstance(m, nn.BatchNorm2d) for n, m in new.named_modules() if n not in inside(new))
        holds(kind, new, expected)


@each_kind("standard", "sequence")
def test_row_92_a_graph_whose_norms_are_folded_has_the_blocks(kind):
    model = kind.model()
    graph = fuse_graph(model)
    assert close(graph(images()), model(images()))
    folds = (nn.BatchNorm1d, nn.BatchNorm2d)  # a selective kernel has norms of its own
    kept = {name for name in inside(model) if not isinstance(model.get_submodule(name), folds)}
    expected = {name for name, _ in model.named_parameters() if name.rpartition(".")[0] in kept}
    assert expected
    assert expected <= {name for name, _ in graph.named_parameters()}


class Layer(nn.Module):
    """Convolution, norm and activation with a second forward, as detectors write them."""

    def __init__(self, before, after):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.bn, self.act = nn.BatchNorm2d(after), nn.SiLU()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))

    def forward_fuse(self, x):
        return self.act(self.conv(x))


class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.cv1, self.cv2 = Layer(8, 8), Layer(8, 8)

    def forward(self, x):
        return x + self.cv2(self.cv1(x))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.unit = Layer(3, 8), Unit()

    def forward(self, x):
        return self.unit(self.stem(x))

    def fuse(self):
        for module in self.modules():
            if isinstance(module, Layer) and hasattr(module, "bn"):
                module.conv = fuse_conv_bn_eval(module.conv, module.bn)
                delattr(module, "bn")
                module.forward = module.forward_fuse
        return self


@pytest.mark.parametrize("where", ["standard", "pre", "post", "identity", "*.cv?", "*.cv?.act", "*.cv?.conv"])
def test_row_92_a_layer_that_gets_its_second_forward_keeps_its_block(where):
    model = insert(Detector(), SE(reduction=2), where=where, example=images()).eval()
    expected = model(images())
    runs = verify(model.fuse(), images())
    assert set(runs.values()) == {1}
    assert runs.keys() == blocks(model).keys()
    if where == "*.cv?.conv":
        return  # a norm cannot be folded into a convolution whose output is weighed
    assert close(model(images()), expected)


def test_row_92_a_block_behind_a_norm_that_is_gone_with_it_is_named():
    model = insert(Detector(), SE(reduction=2), where="conv3x3", example=images()).eval()
    assert "unit.cv1.bn_attention" in blocks(model)
    named_by(r"cv1.bn_attention cannot run.*cv1.bn is gone", model.fuse())


def pruned(conv):
    prune.l1_unstructured(conv, "weight", 0.5)


@pytest.mark.parametrize("change", [parametrizations.weight_norm, parametrizations.spectral_norm, pruned])
@each_kind()
def test_other_weights_are_what_a_block_follows(kind, change):
    model = kind.model()
    own = inside(model)
    for name, module in [*model.named_modules()]:
        if isinstance(module, nn.Conv2d) and name not in own:
            change(module)
    assert "conv1.weight" not in model.state_dict()
    holds(kind, model)


class LowRank(nn.Module):
    """A layer with a trained update beside it."""

    def __init__(self, layer):
        super().__init__()
        self.base_layer = layer.requires_grad_(False)
        self.down = nn.Conv2d(layer.in_channels, 2, layer.kernel_size, layer.stride, layer.padding, bias=False)
        self.up = nn.Conv2d(2, layer.out_channels, 1, bias=False)

    def forward(self, x):
        return self.base_layer(x) + self.up(self.down(x))


@each_kind()
def test_a_layer_that_is_wrapped_in_another_is_what_a_block_follows(kind):
    model = exchange(kind.model(), nn.Conv2d, LowRank)
    assert any(name.endswith("base_layer.weight") for name in model.state_dict())
    holds(kind, model)
    model(images()).square().mean().backward()
    for name in blocks(model):
        assert all(p.grad is not None for p in model.get_submodule(name).parameters())


@each_kind()
def test_observers_of_quantisation_leave_the_blocks_where_they_are(kind):
    model = kind.model()
    expected = model(images())
    model.qconfig = quantization.get_default_qconfig("x86")
    holds(kind, quantization.prepare(model), expected)


@each_kind()
def test_layers_that_train_for_quantisation_are_what_a_block_follows(kind):
    model = kind.model().train()
    model.qconfig = quantization.get_default_qat_qconfig("x86")
    model = quantization.prepare_qat(model)
    model(images()).square().mean().backward()
    assert all(p.grad is not None for name in blocks(model) for p in model.get_submodule(name).parameters())
    holds(kind, model.eval().apply(quantization.disable_observer))
