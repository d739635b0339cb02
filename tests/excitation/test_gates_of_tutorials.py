"""Gates that nobody declares, in every way in which tutorials and users write them: found, and read as they are."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from tutorial_networks import (
    Cbam,
    ChannelsLast,
    EcaLayer,
    Functional,
    Grouped,
    HSigmoid,
    Net,
    OnePlus,
    ScSE,
    SELayer,
    SeModule,
    SKAttention,
)
from tutorial_networks import Of as Unit

from senet.excitation import Kind, record

UNKNOWN, ONE, HERE = (-float("inf"), float("inf")), (0.0, 1.0), "units.0"


def read(model, *shape, batches=1):
    with torch.no_grad(), record(model.eval()) as recorded:
        for _ in range(batches):
            model(torch.randn(shape))
    assert (recorded.unread, recorded.silent) == (0, ())
    return recorded


SQUEEZED = {
    "SELayer": (SELayer, ONE, False),
    "expand_as": (lambda: SELayer(how="expand"), ONE, False),
    "index": (lambda: SELayer(how="index"), ONE, False),
    "in place": (lambda: SELayer(how="in place"), ONE, False),
    "flat": (lambda: SELayer(how="flat"), ONE, False),
    "h-sigmoid": (lambda: SELayer(act=HSigmoid()), ONE, False),
    "hardsigmoid": (lambda: SELayer(act=nn.Hardsigmoid()), ONE, False),
    "tanh": (lambda: SELayer(act=nn.Tanh()), (-1.0, 1.0), False),
    "convolutions": (SeModule, ONE, False),
    "eca": (EcaLayer, ONE, False),
    "functional": (Functional, ONE, True),
    "one plus": (OnePlus, UNKNOWN, True),
}


@pytest.mark.parametrize("size", [6, 1], ids=["map", "one position"])
@pytest.mark.parametrize(("make", "ends", "slow"), SQUEEZED.values(), ids=SQUEEZED)
def test_weights_of_channels_are_what_the_map_is_multiplied_with(make, ends, slow, size):
    unit = make()
    (gate,) = read(Net(unit), 3, 3, size, size, batches=2).gates.values()
    assert gate.name == (f"{HERE}.se" if make is SeModule else HERE)
    assert (gate.kind, gate.slow, gate.runs) == (Kind.CHANNELS, slow, 2)
    assert gate.bounds == pytest.approx(ends)
    assert torch.equal(gate.values, unit.gate_values.flatten(2)[..., 0].flatten(1))


@pytest.mark.parametrize("axes", [1, 3])
@pytest.mark.parametrize("how", ["view", "index", "expand", "in place"])
def test_sequences_and_videos(axes, how):
    unit = SELayer(how=how)
    gate = read(Net(unit, axes=axes), 2, 3, *(4,) * axes).gates[HERE]
    assert torch.equal(gate.values, unit.gate_values.flatten(2)[..., 0])


@pytest.mark.parametrize("size", [6, 1], ids=["map", "one position"])
@pytest.mark.parametrize("module", [Cbam, ScSE])
def test_channels_and_positions_in_one_module(module, size):
    model = Net(module())
    names = [f"{HERE}.{name}" for name in (("ca", "sa") if module is Cbam else ("cse", "sse"))]
    seen = {}
    for name in names:
        model.get_submodule(name).register_forward_hook(lambda m, a, out, name=name: seen.update({name: out}))
    gates = read(model, 2, 3, size, size).gates
    assert [gate.kind for gate in gates.values()] == [Kind.CHANNELS, Kind.POSITIONS]
    assert list(gates) == (names if module is Cbam else [f"{n}" for n in names])
    assert torch.equal(gates[names[0]].values, seen[names[0]].flatten(1))
    assert torch.equal(gates[names[1]].values, seen[names[1]][:, 0])


@pytest.mark.parametrize("kernels", [(1, 3), (1, 3, 5)])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("size", [5, 1])
def test_branches_whether_they_stand_before_or_behind_the_images(kernels, axis, functional, batch, size):
    unit = SKAttention(kernels=kernels, axis=axis, functional=functional)
    gate = read(Net(unit), batch, 3, size, size).gates[HERE]
    weights = unit.weights.transpose(0, 1) if axis == 0 else unit.weights
    assert (gate.kind, gate.bounds, gate.slow) == (Kind.BRANCHES, ONE, functional)
    assert torch.equal(gate.values, weights[..., 0, 0])
    torch.testing.assert_close(gate.values.sum(1), torch.ones(batch, 8))


def test_one_weight_a_branch():
    def mixed(x, conv):
        both = torch.stack([x, conv(x)], 1)
        return (both * both.mean((2, 3, 4), keepdim=True).softmax(1)).sum(1)

    gate = read(Net(Unit(mixed)), 3, 3, 5, 5).gates[HERE]
    assert (gate.kind, gate.values.shape) == (Kind.BRANCHES, (3, 2, 1))


@pytest.mark.parametrize("size", [6, 1])
def test_groups_of_channels_that_stand_in_the_batch(size):
    unit = Grouped((2, 3))
    gate = read(Net(unit), 3, 3, size, size).gates[HERE]
    assert torch.equal(gate.values, unit.gate_values.view(3, 8))
    unit = Grouped((1,))
    gate = read(Net(unit), 3, 3, size, size).gates[HERE]
    assert gate.kind is Kind.POSITIONS
    torch.testing.assert_close(gate.values, unit.gate_values.view(3, 2, size, size).mean(1))


def test_channels_in_the_last_axis():
    unit = ChannelsLast((1, 2))
    assert torch.equal(read(Net(unit), 3, 3, 6, 5).gates[HERE].values, unit.gate_values[:, 0, 0])
    unit = ChannelsLast((3,))
    gate = read(Net(unit), 3, 3, 6, 5).gates[HERE]
    assert gate.kind is Kind.POSITIONS
    assert torch.equal(gate.values, unit.gate_values[..., 0])


def test_positions_whose_softmax_runs_over_one_axis_keep_their_two():
    softmax = nn.Softmax(-1)

    def weighed(x, conv):
        return x * softmax(conv(x).flatten(2)).view(x.shape[0], 1, *x.shape[2:])

    model = Net(Unit(weighed, out=1))
    model.softmax = softmax
    gate = read(model, 2, 3, 6, 4).gates[HERE]
    assert (gate.values.shape, gate.bounds) == ((2, 6, 4), ONE)
    torch.testing.assert_close(gate.values.sum((1, 2)), torch.ones(2))


def test_positions_expanded_by_hand():
    model = Net(Unit(lambda x, conv: x * torch.sigmoid(conv(x)).expand_as(x), out=1))
    gate = read(model, 2, 3, 6, 4).gates[HERE]
    assert (gate.kind, gate.values.shape, gate.slow) == (Kind.POSITIONS, (2, 6, 4), True)


def test_other_sizes_and_batches_than_in_the_first_pass():
    for unit in (SELayer(), Functional(), SKAttention(), Cbam(), EcaLayer(), Grouped((1,))):
        model = Net(unit).eval()
        with torch.no_grad(), record(model) as recorded:
            for shape in ((2, 3, 1, 1), (5, 3, 7, 4), (1, 3, 4, 4)):
                model(torch.randn(shape))
                assert {len(gate.values) for gate in recorded.gates.values()} == {shape[0]}
        assert recorded.unread == 0


def test_one_activation_for_all_and_one_layer_in_two_places():
    act, shared = nn.Sigmoid(), SELayer()
    nn.init.ones_(shared.fc[0].bias)
    units = [SELayer(act=act), shared, SELayer(act=act), shared]
    gates = read(Net(*units), 2, 3, 6, 6, batches=2).gates
    assert list(gates) == ["units.0", "units.1", "units.2", "units.1#2"]
    for name, unit in zip(("units.0", "units.2", "units.1#2"), (units[0], units[2], shared), strict=True):
        assert torch.equal(gates[name].values, unit.gate_values.flatten(1))
    assert not torch.equal(gates["units.1"].values, gates["units.1#2"].values)


def test_two_gates_that_one_module_computes_itself():
    def both(x, conv):
        return x * torch.sigmoid(conv(x.mean((2, 3), keepdim=True))) + x * torch.sigmoid(x.mean(1, keepdim=True))

    gates = read(Net(Unit(both)), 2, 3, 6, 6).gates
    assert {name: gate.kind for name, gate in gates.items()} == {HERE: Kind.CHANNELS, f"{HERE}#2": Kind.POSITIONS}


def test_a_gate_that_weighs_two_maps_is_one():
    def twice(x, conv):
        gate = torch.sigmoid(conv(x.mean((2, 3), keepdim=True)))
        return x * gate + F.relu(x) * gate

    assert list(read(Net(Unit(twice)), 2, 3, 6, 6).gates) == [HERE]


def test_a_gate_that_is_open_or_shut():
    values = (
        read(Net(Unit(lambda x, conv: x * (conv(x.mean((2, 3), keepdim=True)) > 0))), 2, 3, 6, 6).gates[HERE].values
    )
    assert values.dtype == torch.float32
    assert set(values.unique().tolist()) <= {0.0, 1.0}


class Filled(nn.Module):
    """Takes a list of images, and writes them into one batch, as detectors do."""

    def __init__(self):
        super().__init__()
        self.net = Net(SELayer())

    def forward(self, images):
        batch = images[0].new_full((len(images), 3, 6, 6), 0.0)
        for image, place in zip(images, batch, strict=True):
            place[:, : image.shape[1]].copy_(image)
        return self.net(batch)


def test_a_batch_that_the_model_fills_itself():
    model = Filled().eval()
    with torch.no_grad(), record(model) as recorded:
        model([torch.randn(3, 4, 6), torch.randn(3, 6, 6)])
    gate = recorded.gates["net.units.0"]
    assert torch.equal(gate.values, model.net.units[0].gate_values.flatten(1))


def test_what_is_added_to_channels_is_context():
    gate = read(Net(Unit(lambda x, conv: x + conv(x.mean((2, 3), keepdim=True)))), 2, 3, 6, 6).gates[HERE]
    assert (gate.kind, gate.values.shape, gate.bounds) == (Kind.CONTEXT, (2, 8), UNKNOWN)


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True)))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
def test_gates_in_a_part_that_is_torchscript():
    model = Net(torch.jit.script(Scripted()))
    gate = read(model, 2, 3, 6, 6, batches=4).gates["units"]
    assert (gate.slow, gate.values.shape, gate.runs) == (True, (2, 8), 4)


NONE = {
    "every channel and position": lambda x, conv: x * torch.sigmoid(conv(x)),
    "simam": lambda x, conv: x * torch.sigmoid((x - x.mean((2, 3), keepdim=True)) ** 2),
    "bam": lambda x, conv: x * (1 + torch.sigmoid(conv(x.mean((2, 3), keepdim=True)) + x.mean(1, keepdim=True))),
    "coordinates": lambda x, conv: x * torch.sigmoid(conv(x.mean(2, keepdim=True))),
    "swish": lambda x, conv: x * torch.sigmoid(x),
    "a layer norm by hand": lambda x, conv: (x - x.mean(1, keepdim=True)) * torch.rsqrt(x.var(1, keepdim=True) + 1e-5),
    "an instance norm by hand": lambda x, conv: x * torch.rsqrt(x.square().mean((2, 3), keepdim=True) + 1e-5),
    "a parameter": lambda x, conv: conv(x) * conv.bias.view(1, -1, 1, 1),
    "a residual": lambda x, conv: x + F.relu(conv(x)),
    "noise": lambda x, conv: F.dropout2d(x, 0.5, training=True),
    "images weighed as a whole": lambda x, conv: x * torch.sigmoid(conv(x).mean((1, 2, 3), keepdim=True)),
}


@pytest.mark.parametrize("function", NONE.values(), ids=NONE)
def test_what_is_no_gate(function):
    assert read(Net(Unit(function)), 2, 3, 6, 6).gates == {}
