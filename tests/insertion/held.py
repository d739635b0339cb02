"""Each kind of place that a block can have, with the forward that runs it written out by hand.

What people do to a model afterwards is tried on all of them. The forward by hand calls whatever modules the model has
by then, and the blocks where the paper draws them; it needs nothing of what runs them in the model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from timm.layers import BatchNormAct2d
from tiny import SHAPE, images, restless, tiny
from torch import Tensor, nn

from senet import SE, SK
from senet.errors import UsageError
from senet.insertion import blocks, insert, verify


def conv(before, after):
    return nn.Conv2d(before, after, 3, padding=1, bias=False)


class Chain(nn.Module):
    """Layers without a shortcut, in a list that the forward runs or in a sequence that runs itself."""

    def __init__(self, kind):
        super().__init__()
        layers = (conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 8), nn.BatchNorm2d(8), nn.ReLU())
        self.layers = kind(layers) if kind is nn.ModuleList else kind(*layers)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        if isinstance(self.layers, nn.Sequential):
            return self.fc(self.layers(x).mean((2, 3)))
        for layer in self.layers:
            x = layer(x)
        return self.fc(x.mean((2, 3)))


class Acting(nn.Module):
    """A unit whose norms have their activation inside, as timm writes them."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 8), BatchNormAct2d(8)
        self.conv2, self.bn2 = conv(8, 8), BatchNormAct2d(8)
        self.conv3, self.bn3 = conv(8, 8), BatchNormAct2d(8, apply_act=False)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = self.bn1(self.conv1(x))
        x = F.relu(x + self.bn3(self.conv3(self.bn2(self.conv2(x)))))
        return self.fc(x.mean((2, 3)))


def weighed(block, y):
    return y if block is None else block(y)


def by_units(unit_by_hand):
    """Return the forward of the small network by hand."""

    def forward(model, held, x):
        x = model.stem(x)
        for unit, block in zip((*model.stage1, *model.stage2), held, strict=True):
            x = unit_by_hand(unit, block, x)
        return model.fc(x.mean((2, 3)))

    return forward


def weighing(where):
    """Return a residual unit with a block as figure 5 of arXiv 1709.01507v4 draws it."""

    def unit_by_hand(unit, block, x):
        def at(place, y):
            return weighed(block, y) if place == where else y

        y = F.relu(unit.bn1(unit.conv1(at("pre", x))))
        y = F.relu(at("conv3x3", unit.bn2(unit.conv2(y))))
        y = at("standard", unit.bn3(unit.conv3(y))) + at("identity", _shortcut(unit, x))
        return at("post", F.relu(y))

    return by_units(unit_by_hand)


def _shortcut(unit, x):
    return x if unit.downsample is None else _one_by_one(unit.downsample, {}, x)


def _one_by_one(sequence, after, x):
    for name, layer in sequence._modules.items():
        if name.isdigit():  # a sequence may hold blocks too
            x = layer(x)
            x = weighed(after.get(name), x)
    return x


def selecting(unit, block, x):
    """Return a residual unit with a selective kernel: arXiv 1903.06586, section 3.1."""
    x0, x = x, F.relu(unit.bn1(unit.conv1(x)))
    y = F.relu(unit.bn2(unit.conv2(x)))
    y = y if block is None else _selected(block, y, block.branches[1](x))
    return F.relu(unit.bn3(unit.conv3(y)) + _shortcut(unit, x0))


def _selected(block, *u):
    logits = block.fc2(F.relu(block.bn1(block.fc1((u[0] + u[1]).mean((2, 3))))))
    a = logits.unflatten(1, (2, -1)).softmax(1)[..., None, None]
    return a[:, 0] * u[0] + a[:, 1] * u[1]


def chained(model, held, x):
    return model.fc(_one_by_one(model.layers, dict(zip("14", held, strict=True)), x).mean((2, 3)))


def acting(model, held, x):
    x = model.bn1(model.conv1(x))
    n, (block,) = model.bn2, held
    y = F.batch_norm(model.conv2(x), n.running_mean, n.running_var, n.weight, n.bias, eps=n.eps)
    x = F.relu(x + model.bn3(model.conv3(F.relu(weighed(block, y)))))
    return model.fc(x.mean((2, 3)))


@dataclass(frozen=True)
class Kind:
    """One kind of place, in a small network.

    Args:
        build: Makes the network.
        where: As of ``insert()``.
        hand: The forward by hand, of the model, its blocks (None: lost) in the order of running, images.
        spec: What is inserted.
    """

    build: Callable[[], nn.Module]
    where: str
    hand: Callable[[nn.Module, list[nn.Module], Tensor], Tensor]
    spec: SE | SK = SE(reduction=2)  # noqa: RUF009  # a spec is frozen

    def plain(self) -> nn.Module:
        """Return the network without blocks."""
        torch.manual_seed(4)
        return restless(self.build())

    def model(self) -> nn.Module:
        """Return the network with blocks, in evaluation mode."""
        return insert(self.plain(), self.spec, where=self.where, example=SHAPE).eval()

    def by_hand(self, model: nn.Module, x: Tensor) -> Tensor:
        """Return what a model computes whose blocks all run where they were inserted."""
        return self.hand(model, [model.get_submodule(name) for name in blocks(model)], x)


KINDS = {
    **{where: Kind(lambda: tiny(1), where, weighing(where)) for where in ("standard", "pre", "post", "identity")},
    "selective": Kind(lambda: tiny(1), "standard", by_units(selecting), SK(groups=2, reduction=2, minimum=4)),
    "list": Kind(lambda: Chain(nn.ModuleList), "layers.[14]", chained),
    "sequence": Kind(lambda: Chain(nn.Sequential), "layers.[14]", chained),
    "acting": Kind(Acting, "conv3x3", acting),
}


def each_kind(*fast):
    """Run a test for each kind; if some are named, the others are of the slow tier."""
    marks = {name: [] if name in fast or not fast else [pytest.mark.slow] for name in KINDS}
    return pytest.mark.parametrize("kind", [pytest.param(KINDS[n], marks=marks[n], id=n) for n in KINDS])


def close(got, expected):
    return torch.allclose(got, expected, rtol=1e-4, atol=1e-5)


def holds(kind, model, expected=None):
    """Check that every block of a model runs where it was inserted: that by hand, and without any, is another."""
    x = images()
    got, by_hand = model(x), kind.by_hand(model, x)
    assert blocks(model)
    assert close(got, by_hand)
    assert expected is None or close(got, expected)
    without = kind.hand(model, [None for _ in blocks(model)], x)
    assert not torch.allclose(got, without, rtol=1e-3, atol=1e-3)


def first(model):
    """Return the first block's name, what is known of it, and the module that holds it."""
    name, inserted = next(iter(blocks(model).items()))
    return name, inserted, model.get_submodule(inserted.place.owner)


def inside(model):
    """Name the modules that are of inserted blocks."""
    found = {name: model.get_submodule(name).named_modules(prefix=name) for name in blocks(model)}
    return {inner for modules in found.values() for inner, _ in modules}


def exchange(model, kind, make, put=setattr):
    """Put another module in the place of each of a kind, in place, those of inserted blocks left out."""
    own = inside(model)
    for name, module in [*model.named_modules()]:
        if isinstance(module, kind) and name not in own:
            parent, _, child = name.rpartition(".")
            put(model.get_submodule(parent), child, make(module))
    return model


def named_by(match, model):
    """Check that whatever comes next, a call, training, saving, is an error that names the block."""
    for call in (lambda: model(images()), model.train, model.eval, model.state_dict, lambda: verify(model, images())):
        with pytest.raises(UsageError, match=match) as error:
            call()
        assert error.value.do
