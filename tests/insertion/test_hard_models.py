"""Blocks in models whose copies, names, classes and own attention are what users' are."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from hard import PLACES, SHAPE, Net, Unit, images, inserted, once, runs
from torch import nn

from senet import CBAM, SE, blocks, insert, remove, verify
from senet.attention import build_gate
from senet.errors import UsageError


class Recipe(Unit):
    """Copies itself as recipes on the web do."""

    def __deepcopy__(self, memo):
        new = self.__class__.__new__(self.__class__)
        memo[id(self)] = new
        for name, value in self.__dict__.items():
            new.__dict__[name] = copy.deepcopy(value, memo)
        return new


class Constructed(Unit):
    def __deepcopy__(self, memo):
        new = type(self)()
        new.load_state_dict(self.state_dict(), strict=False)
        return new.train(self.training)


@pytest.mark.parametrize("kind", [Recipe, Constructed])
def test_modules_with_a_copy_of_their_own_hold_each_block_once(kind):
    model = inserted(Net(kind))
    twice = copy.deepcopy(copy.deepcopy(model))
    assert torch.equal(twice(images()), model(images()))
    assert runs(twice, twice) == once(model)
    assert not {p.data_ptr() for p in twice.parameters()} & {p.data_ptr() for p in model.parameters()}
    assert remove(twice).state_dict().keys() == Net(kind).state_dict().keys()


class Named(Unit):
    """Has a module of the name that a block would get."""

    def __init__(self):
        super().__init__()
        self.bn2_attention = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        return F.relu(x + self.bn2_attention(self.bn2(self.conv2(x))))


def test_a_block_takes_no_name_that_is_taken():
    plain = Net(Named)
    model = inserted(plain, "units.*.bn2")
    assert list(blocks(model)) == ["units.0.bn2_attention2", "units.1.bn2_attention2"]
    assert plain.state_dict().keys() <= model.state_dict().keys()
    assert remove(model).state_dict().keys() == plain.state_dict().keys()
    fresh = inserted(plain, "units.*.bn2")
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(images()), model(images()))


@pytest.mark.parametrize(
    "remade", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), lambda model: model]
)
def test_graph_modules_run_blocks_whatever_writes_their_code(remade):
    model = inserted(torch.fx.symbolic_trace(Net().eval()))
    expected = model(images())
    model = remade(model)
    model.recompile()
    model.graph.lint()
    model.graph = model.graph
    assert torch.equal(model(images()), expected)
    assert runs(model, model) == once(model)
    plain = remove(model)
    assert not blocks(plain)
    plain.recompile()


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # it is what people have
def test_a_scripted_child_stays_and_a_scripted_model_is_refused():
    model = Net().eval()
    model.fc = torch.jit.script(model.fc)
    new = inserted(model)
    assert runs(new, new) == once(new)
    assert verify(new, SHAPE) == once(new)
    with pytest.raises(UsageError) as error:
        insert(model, SE(reduction=2), where="fc", example=SHAPE)
    assert "fc: is TorchScript" in error.value.where
    with pytest.raises(UsageError) as error:
        insert(torch.jit.trace(Net().eval(), images()), SE(reduction=2), example=SHAPE)
    assert "Net is TorchScript" in error.value.what


class Context(nn.Module):
    """Global context as timm writes it: pooled by a softmax over positions, added to the map."""

    def __init__(self):
        super().__init__()
        self.conv_attn, self.fc = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        weights = self.conv_attn(x).flatten(2).softmax(2)
        return x + self.fc((x.flatten(2) @ weights.transpose(1, 2)).unsqueeze(-1))


class Biased(Unit):
    """Adds what is no attention: a parameter, and a vector that does not come from the map."""

    def __init__(self):
        super().__init__()
        self.bias, self.condition = nn.Parameter(torch.zeros(1, 4, 1, 1)), nn.Linear(2, 4)

    def forward(self, x):
        return super().forward(x + self.bias + self.condition(x.new_ones(1, 2))[:, :, None, None])


class Weighed(Unit):
    """Has a block after its branch, which it calls."""

    def __init__(self, block):
        super().__init__()
        self.own = block

    def forward(self, x):
        return F.relu(x + self.own(self.bn2(self.conv2(x))))


def test_context_that_is_added_is_attention_and_other_sums_are_not():
    model = Net(lambda: Weighed(Context()))
    with pytest.raises(UsageError, match="has attention already, in 2 places"):
        inserted(model)
    insert(Net(Biased), SE(reduction=2), example=SHAPE)


@pytest.mark.parametrize("block", [Context, lambda: build_gate(SE(reduction=2), 4), lambda: build_gate(CBAM(2), 4)])
def test_another_block_follows_attention_that_a_network_has(block):
    model = insert(Net(lambda: Weighed(block())), SE(reduction=2), example=SHAPE, again=True).eval()
    assert list(blocks(model)) == ["units.0.own.attention", "units.1.own.attention"]
    assert runs(model, model) == once(model)


class InSequence(Unit):
    """Has its layers under two names each, and runs them by the second."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(self.conv1, self.bn1, nn.ReLU(), self.conv2, self.bn2)

    def forward(self, x):
        return F.relu(x + self.body(x))


class InList(Unit):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([self.conv1, self.bn1, nn.ReLU(), self.conv2, self.bn2])

    def forward(self, x):
        y = x
        for layer in self.layers:
            y = layer(y)
        return F.relu(x + y)


class Called(Unit):
    def __init__(self):
        super().__init__()
        self.first, self.last = self.conv1, self.bn2

    def forward(self, x):
        return F.relu(x + self.last(self.conv2(F.relu(self.bn1(self.first(x))))))


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("kind", [InSequence, InList, Called])
def test_modules_under_two_names_run_blocks_by_either(kind, where):
    plain = Net(kind).eval()
    model = inserted(plain, where)
    usual = Net(Unit).eval()
    usual.load_state_dict(plain.state_dict(), strict=False)
    expected = inserted(usual, where)(images())  # the same network, each module under one name
    assert torch.allclose(model(images()), expected, atol=1e-6)
    other = nn.SyncBatchNorm.convert_sync_batchnorm(pickle.loads(pickle.dumps(copy.deepcopy(model))))
    assert torch.allclose(other(images()), expected, atol=1e-6)
    assert remove(model).state_dict().keys() == plain.state_dict().keys()
    assert runs(model, model) == once(model)
