"""A ``Sequential`` that holds blocks is, to all who take it apart, the sequence that it was, and parts have theirs."""

import copy
import pickle

import pytest
import torch
from held import KINDS, Chain, close
from tiny import SHAPE, images, restless, tiny
from torch import nn

from senet import SE, SK
from senet.errors import UsageError
from senet.insertion import blocks, insert, remove, verify

KIND = KINDS["sequence"]
PRE = "layers.[03]"


def sequence(where=KIND.where, **options):
    """Return a sequence with blocks at two of its six layers, and the forward of its first layers by hand."""
    torch.manual_seed(4)
    spec = options.get("spec", SE(reduction=2))
    return insert(restless(Chain(nn.Sequential)), spec, where=where, example=SHAPE).eval().layers


def by_hand(layers, x, start=0, end=6):
    """Run some layers and the blocks behind them, one by one, by name."""
    for i in range(start, end):
        x = layers._modules[str(i)](x)
        held = layers._modules.get(f"{i}_attention")
        x = x if held is None else held(x)
    return x


def one_by_one(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def test_the_whole_is_what_its_layers_and_blocks_make_by_hand():
    layers = sequence()
    assert [name for name in layers._modules if "attention" in name] == ["1_attention", "4_attention"]
    expected = by_hand(layers, images())
    assert close(layers(images()), expected)
    assert not torch.allclose(one_by_one(remove(layers), images()), expected, atol=1e-2)


def test_length_numbers_and_order_are_those_of_the_layers():
    layers, plain = sequence(), remove(sequence())
    assert len(layers) == len(plain) == 6
    assert [type(layer).__name__ for layer in layers] == [type(layer).__name__ for layer in plain]
    assert all(isinstance(layers[i], type(plain[i])) for i in range(-6, 6))
    with pytest.raises(IndexError):
        layers[6]


RUNS = {
    "iteration": one_by_one,
    "indices": lambda layers, x: one_by_one([layers[i] for i in range(len(layers))], x),
    "negative": lambda layers, x: one_by_one([layers[i] for i in range(-6, 0)], x),
    "slices": lambda layers, x: layers[3:](layers[:3](x)),
    "steps": lambda layers, x: one_by_one(
        [layer for pair in zip(layers[::2], layers[1::2], strict=True) for layer in pair], x
    ),
    "rebuilt": lambda layers, x: nn.Sequential(*list(layers)[:2], *list(layers)[2:])(x),
    "rebuilt of slices": lambda layers, x: nn.Sequential(layers[:4], *layers[4:])(x),
    "sum": lambda layers, x: (layers[:3] + layers[3:])(x),
    "children": lambda layers, x: one_by_one(list(layers.children()), x),
}


@pytest.mark.parametrize("where", [KIND.where, PRE])
@pytest.mark.parametrize("run", RUNS)
def test_its_parts_in_a_row_are_the_whole(run, where):
    layers = sequence(where)
    assert close(RUNS[run](layers, images()), by_hand(layers, images()))


@pytest.mark.parametrize("end", range(1, 7))
def test_a_slice_computes_as_far_as_it_goes(end):
    layers = sequence()
    for part in (layers[:end], nn.Sequential(*list(layers)[:end]), nn.Sequential(*(layers[i] for i in range(end)))):
        assert len(part) == end
        assert close(part(images()), by_hand(layers, images(), 0, end))


def test_a_slice_keeps_the_names_and_the_very_tensors_of_its_layers():
    layers = sequence()
    part = layers[1:4]
    assert list(part._modules) == ["1", "1_attention", "2", "3"]
    assert len(part) == 3
    own = {id(tensor) for tensor in layers.parameters()}
    assert {id(tensor) for tensor in part.parameters()} <= own
    of_block = {id(tensor) for tensor in layers._modules["1_attention"].parameters()}
    assert of_block <= {id(tensor) for tensor in part.parameters()}
    assert {id(tensor) for tensor in nn.Sequential(*layers).parameters()} == own
    assert set(layers[:4].state_dict()) == {key for key in layers.state_dict() if key[0] in "0123"}


def test_a_slice_has_the_mode_of_the_whole_and_survives_conversion():
    layers = sequence()
    part = layers[:3]
    layers.train()
    assert all(module.training for module in part.children())
    layers.eval()
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(part)
    assert close(converted(images()), by_hand(layers, images(), 0, 3))
    assert list(blocks(converted)) == ["1_attention"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))])
@pytest.mark.parametrize("part", [lambda s: s, lambda s: s[:5], lambda s: s[1], lambda s: nn.Sequential(*s)])
def test_a_copy_of_a_part_runs_and_shares_nothing(part, copied):
    layers = sequence()
    original = part(layers)
    x = torch.randn(2, 8, 6, 6) if isinstance(original, nn.BatchNorm2d) else images()
    expected = original(x)
    new = copied(original)
    assert not {id(tensor) for tensor in new.parameters()} & {id(tensor) for tensor in layers.parameters()}
    nn.init.zeros_(layers._modules["1_attention"].fc2.weight)
    assert close(new(x), expected)
    assert blocks(new)


def test_a_sliced_network_trains_the_blocks_of_the_whole():
    whole = sequence().train()
    part = nn.Sequential(*list(whole)[:3], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(part.parameters(), lr=0.1)
    before = copy.deepcopy(whole.state_dict())
    part(images()).square().mean().backward()
    optimizer.step()
    moved = {name for name, value in whole.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in whole.state_dict() if name.partition(".")[0] in ("0", "1", "1_attention")}


def test_layers_are_exchanged_by_number_and_never_inserted_or_deleted():
    layers = sequence()
    layers[5] = nn.Sigmoid()
    layers[0] = copy.deepcopy(layers._modules["0"])
    assert close(layers(images()), by_hand(layers, images()))
    layers.append(nn.Identity())
    assert len(layers) == 7
    assert isinstance(layers[6], nn.Identity)
    assert close(layers(images()), by_hand(layers, images()))
    for change in (lambda: layers.insert(0, nn.Identity()), lambda: layers.__delitem__(2), lambda: layers.pop(0)):
        with pytest.raises(UsageError, match=r"cannot be inserted or deleted.*1_attention"):
            change()


def test_a_layer_of_a_part_may_be_swapped_in_the_whole():
    layers = sequence()
    layers[1] = nn.Identity()
    assert isinstance(layers._modules["1"], nn.Identity)
    assert close(one_by_one(layers, images()), by_hand(layers, images()))
    assert close(layers(images()), by_hand(layers, images()))


def test_what_runs_across_several_layers_is_run_as_a_whole():
    layers = sequence("layers.4", spec=SK(groups=1, minimum=4))
    assert layers(images()).shape == (4, 8, 12, 12)
    assert layers[3].weight is layers._modules["3"].weight
    assert len(list(layers)) == 6
    for run in (lambda: one_by_one(layers, images()), lambda: layers[4](images()), lambda: layers[:4]):
        with pytest.raises(UsageError, match="runs across several layers of a Sequential"):
            run()
    x = layers[:3](images())
    assert torch.allclose(layers[3:](x), layers(images()), atol=1e-5)


def test_units_in_a_sequence_hold_their_own():
    model = insert(tiny(), SE(reduction=2), where="post", example=SHAPE).eval()
    x = model.stem(images())
    expected = model.stage1(x)
    assert type(model.stage1) is nn.Sequential
    assert torch.equal(one_by_one([*model.stage1.children()], x), expected)
    del model.stage2[1]
    assert set(verify(model, images()).values()) == {1}
    assert len(blocks(model)) == 3
