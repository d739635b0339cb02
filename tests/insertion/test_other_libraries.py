"""What other libraries do to a model, in the same shape of code by hand: every block goes on running, or is named."""

import copy
from collections.abc import Callable
from functools import partial, update_wrapper

import pytest
import torch
from tiny import SHAPE, images
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from senet import SE, SK, insert, remove, verify
from senet.errors import UsageError
from senet.insertion import blocks


class ConvNormAct(nn.Module):
    """A layer as in libraries of detectors: all share one activation; fused, it runs another of its methods."""

    def __init__(self, channels: int, act: nn.Module) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))

    def forward_fuse(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


class Unit(nn.Module):
    def __init__(self, channels: int, act: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList([ConvNormAct(channels, act), ConvNormAct(channels, last)])

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.layers
        return x + second(first(x))


def detector(last: nn.Module | None = None) -> nn.Module:
    """Return units whose layers share an activation; each unit's last layer may have another."""
    torch.manual_seed(0)
    act = nn.ReLU()
    model = nn.Sequential(nn.Conv2d(3, 8, 3), Unit(8, act, last or act), Unit(8, act, last or act))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2.0)
    return model.eval()


class NormAct(nn.BatchNorm2d):
    """A norm with its activation inside, which a block may follow or precede."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(super().forward(x))


def normed() -> nn.Module:
    """Return units whose norms have their activation inside."""
    model = detector()
    for layer in [m for m in model.modules() if isinstance(m, ConvNormAct)]:
        norm = NormAct(8)
        norm.load_state_dict(layer.bn.state_dict())
        layer.bn, layer.act = norm, nn.Identity()
    return model.eval()


NETWORKS = {"activations of their own": detector, "activations in norms": normed}
PLACES = {
    "standard": (SE(reduction=4), "standard"),
    "pre": (SE(reduction=4), "pre"),
    "post": (SE(reduction=4), "post"),
    "identity": (SE(reduction=4), "identity"),
    "conv3x3": (SE(reduction=4), "conv3x3"),
    "around": (SK(groups=1), "standard"),
}


def inserted(place: str, model: nn.Module) -> nn.Module:
    spec, where = PLACES[place]
    torch.manual_seed(1)
    return insert(model, spec, where=where, example=SHAPE).eval()


def assert_runs_as_before(model: nn.Module, before: Tensor) -> None:
    """Outputs are as they were, each block runs once, and the output depends on each."""
    x = images()
    torch.testing.assert_close(model(x), before)
    assert set(verify(model, x).values()) == {1}
    for name in blocks(model):
        hook = model.get_submodule(name).register_forward_hook(lambda *args: 0.5 * args[-1])
        assert not torch.allclose(model(x), before), name
        hook.remove()


def assert_exports(model: nn.Module) -> None:
    """The exported program computes the same and reads all that the blocks have."""
    with torch.no_grad():
        before = model(images())
    program = torch.export.export(model, (images(),))
    torch.testing.assert_close(program.module()(images()), before)
    read = {node.name for node in program.graph.nodes if node.op == "placeholder" and node.users}
    assert {n for p, n in program.graph_signature.inputs_to_parameters.items() if p not in read} == set()
    assert_runs_as_before(model, before)


@pytest.mark.parametrize("place", PLACES)
def test_a_module_of_two_names_leaves_no_block_out_of_an_export(place: str):
    assert_exports(inserted(place, detector()))


@pytest.mark.parametrize("by", ["whole", "loop", "index"])
def test_nor_does_a_sequence_that_is_run_by_layers(by: str):
    class Layers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            act, convolutions = nn.ReLU(), (nn.Conv2d(n, 8, 3) for n in (3, 8, 8))
            self.features = nn.Sequential(*(layer for conv in convolutions for layer in (conv, act)))

        def forward(self, x: Tensor) -> Tensor:
            if by == "whole":
                return self.features(x)
            for layer in self.features if by == "loop" else map(self.features.__getitem__, range(6)):
                x = layer(x)
            return x

    assert_exports(insert(Layers(), SE(reduction=4), where="features.[024]", example=SHAPE).eval())


def wrap_forward(module: nn.Module) -> None:
    """Put a forward on a module that calls the one before, with the module as an argument: as accelerate's hooks do."""

    def new_forward(module, *args, **kwargs):
        return module._old_forward(*args, **kwargs)

    old = module.forward
    module._old_forward = old
    module.forward = update_wrapper(partial(new_forward, module), old)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("place", PLACES)
def test_forwards_that_wrap_those_of_all_modules(place: str, network: str):
    model = inserted(place, NETWORKS[network]())
    before = model(images())
    for module in model.modules():
        wrap_forward(module)
    assert_runs_as_before(model, before)
    assert_runs_as_before(copy.deepcopy(model), before)


@pytest.mark.parametrize("place", PLACES)
def test_blocks_in_a_model_whose_forwards_are_wrapped_already(place: str):
    plain, wrapped = detector(), detector()
    for module in wrapped.modules():
        wrap_forward(module)
    model = inserted(place, wrapped)
    assert_runs_as_before(model, inserted(place, plain)(images()))
    torch.testing.assert_close(remove(model)(images()), plain(images()))


@torch.no_grad()
@pytest.mark.parametrize("place", PLACES)
def test_norms_and_blocks_that_were_compiled_alone(place: str):
    model = inserted(place, normed())
    before = model(images())
    for name, module in model.named_modules():
        if isinstance(module, NormAct) or name in blocks(model):
            module.compile(backend="eager")
    torch.testing.assert_close(model(images()), before)


class Adapter(nn.Module):
    """Trains a copy of a module and keeps the original, as adapters do with modules that they save as a whole."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.original, self.copies = module.requires_grad_(False), nn.ModuleDict({"default": copy.deepcopy(module)})
        self.copies.requires_grad_(True)

    def forward(self, x: Tensor) -> Tensor:
        return self.copies["default"](x)


def put_in_place_of_blocks(model: nn.Module, make: Callable[[nn.Module], nn.Module]) -> list[str]:
    """Replace every block by what is made of it; return their names."""
    names = list(blocks(model))
    for name in names:
        model.set_submodule(name, make(model.get_submodule(name)))
    return names


@pytest.mark.parametrize("place", PLACES)
def test_blocks_in_adapters_run_and_train(place: str):
    model = inserted(place, detector())
    before = model(images())
    names = put_in_place_of_blocks(model, Adapter)
    assert_runs_as_before(model, before)
    model(images()).square().mean().backward()
    for name in names:
        adapter = model.get_submodule(name)
        assert all(p.grad is None for p in adapter.original.parameters())
        assert all(p.grad is not None for p in adapter.copies.parameters()), name


def test_what_is_no_block_around_a_convolution_is_named():
    model = inserted("around", detector())
    first = put_in_place_of_blocks(model, lambda block: nn.Sequential(nn.Identity()))[0]
    with pytest.raises(UsageError, match=f"{first} ran without the convolution"):
        model(images())


def fuse(model: nn.Module) -> nn.Module:
    """Fold norms into convolutions, delete them, and run another method of the layers: as a detector's ``fuse()``."""
    for layer in model.modules():
        if isinstance(layer, ConvNormAct):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
            del layer.bn
            layer.forward = layer.forward_fuse
    return model


@pytest.mark.parametrize("place", ["standard", "pre", "post", "identity"])
def test_layers_that_fold_their_norm_and_delete_it(place: str):
    model = inserted(place, detector())
    before = model(images())
    assert_runs_as_before(fuse(model), before)


def test_a_norm_that_was_folded_and_that_a_block_follows_is_named():
    model = inserted("standard", detector(nn.Identity()))
    places = [block.place.name for block in blocks(model).values()]
    assert places == ["1.layers.1.bn", "2.layers.1.bn"]
    with pytest.raises(UsageError, match=r"1\.layers\.1\.bn_attention cannot run: .*1\.layers\.1\.bn is gone"):
        fuse(model)(images())
