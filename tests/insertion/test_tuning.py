"""Parameter groups are a partition; a frozen trunk stays where it is."""

import copy
import pickle

import pytest
import torch
from tiny import SHAPE, images, tiny
from torch import nn

from catalogue_of_blocks import OWN, VARIANTS, build, each
from normed import Normed, tensors
from senet import CBAM, SE, create
from senet.attention.contract import kept_convolutions
from senet.errors import UsageError
from senet.insertion import frozen_trunk, insert, inserted_parameters, parameter_groups
from senet.utils.modules import within


@each((*VARIANTS, OWN))
def test_the_groups_partition_the_parameters(spec):
    model = insert(tiny(), spec, example=SHAPE)
    groups = parameter_groups(model, lr=0.01, inserted_lr=0.1, weight_decay=1e-4)
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(map(id, model.parameters()))
    assert len(set(listed)) == len(listed)
    rate = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    for name, p in model.named_parameters():
        new = "_attention." in name
        decays = p.ndim > 1 and (not new or within(name.partition("_attention.")[2], kept_convolutions(build(spec))))
        assert rate[id(p)] == (0.1 if new else 0.01, 1e-4 if decays else 0.0)


def test_decay_spares_gates_that_the_network_has_of_its_own():
    model = insert(
        create("se_resnet8", num_classes=3), CBAM(reduction=4), where="post", example=(1, 3, 8, 8), again=True
    )
    rate = {
        id(p): group["weight_decay"]
        for group in parameter_groups(model, lr=0.01, inserted_lr=0.1, weight_decay=1e-4)
        for p in group["params"]
    }
    own = {name: p for name, p in model.named_parameters() if ".attention." in name}
    assert any(p.ndim == 2 for p in own.values())
    assert {rate[id(p)] for p in own.values()} == {0.0}
    assert rate[id(model.head.fc.weight)] == 1e-4


def test_blocks_bear_ten_times_the_rate_where_none_is_said():
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    rates = {id(p): group["lr"] for group in parameter_groups(model, lr=0.01) for p in group["params"]}
    new = inserted_parameters(model)
    assert {name for name, p in model.named_parameters() if rates[id(p)] == pytest.approx(0.1)} == set(new)
    assert {rates[id(p)] for name, p in model.named_parameters() if name not in new} == {0.01}


def test_an_optimizer_takes_the_groups_as_they_are():
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    optimizer = torch.optim.SGD(parameter_groups(model, lr=0.0, inserted_lr=0.1))
    before = {name: p.clone() for name, p in model.named_parameters()}
    model(images()).square().sum().backward()
    optimizer.step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == set(inserted_parameters(model))


def test_a_weight_that_block_and_trunk_share_is_the_trunks():
    model = insert(tiny(), SE(reduction=4), stages=(2,), example=SHAPE)
    block = model.stage1[0].bn3_attention
    model.tied = block.fc1.weight
    assert "stage1.0.bn3_attention.fc1.weight" not in inserted_parameters(model)
    listed = [p for group in parameter_groups(model, lr=1.0, inserted_lr=2.0) for p in group["params"]]
    assert len({id(p) for p in listed}) == len(listed) == len(list(model.parameters()))


def test_a_frozen_trunk_does_not_move_and_thaws():
    model = insert(tiny(), CBAM(reduction=4), example=SHAPE)
    model.fc.bias.requires_grad_(False)
    inside = set(inserted_parameters(model))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    with frozen_trunk(model):
        for _ in range(2):
            optimizer.zero_grad()
            model(images()).square().sum().backward()
            optimizer.step()
    for name, value in model.state_dict().items():
        if "_attention." not in name and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, before[name]), name
    assert any(not torch.equal(p, before[name]) for name, p in model.named_parameters() if name in inside)
    assert {name for name, p in model.named_parameters() if not p.requires_grad} == {"fc.bias"}
    assert {m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1, 0.01}


def trained_in(context, model, names):
    """Take steps within a context; return which of the tensors have changed."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    with context:
        for _ in range(2):
            optimizer.zero_grad()
            model(images()).square().sum().backward()
            optimizer.step()
    return {
        name for name, value in model.state_dict().items() if name in names and not torch.equal(value, before[name])
    }


def with_head(*layers):
    model = tiny()
    model.fc = nn.Sequential(*layers)
    return model


def weights_and_statistics(model):
    return {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}


def test_what_is_named_fresh_trains_beside_the_blocks():
    model = insert(with_head(nn.Linear(32, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)), SE(reduction=4), example=SHAPE)
    moved = trained_in(frozen_trunk(model, fresh=("fc",)), model, weights_and_statistics(model))
    head = {f"fc.{name}" for name in ("0.weight", "2.weight", "2.bias", "1.weight", "1.bias")}
    assert {name for name in moved if not name.startswith("fc.") and "_attention." not in name} == set()
    assert head | {"fc.1.running_mean", "fc.1.running_var"} <= moved
    assert any("_attention." in name for name in moved)
    assert all(p.requires_grad for p in model.parameters())


def test_a_single_parameter_may_be_fresh_and_blocks_need_not_be():
    model = tiny()
    moved = trained_in(frozen_trunk(model, fresh=("fc.bias", "stage1.0")), model, weights_and_statistics(model))
    assert "fc.bias" in moved
    assert {name for name in moved if name != "fc.bias" and not name.startswith("stage1.0.")} == set()
    assert "stage1.0.bn1.running_mean" in moved


def test_gradients_from_before_do_not_move_the_trunk():
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    model(images()).square().sum().backward()
    before, optimizer = model.fc.weight.clone(), torch.optim.SGD(model.parameters(), lr=0.1)
    with frozen_trunk(model):
        optimizer.step()
    assert torch.equal(model.fc.weight, before)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("fcc", "did you mean fc"),
        ("stage1.0.con1", "did you mean stage1.0.conv"),
        ("head", "known: fc, st"),
        ("fc.", "fc."),
    ],
)
def test_a_fresh_name_that_no_parameter_has_is_refused_with_the_nearest(name, advice):
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    with pytest.raises(UsageError, match=f"fresh: no parameter is at {name!r}") as error, frozen_trunk(model, (name,)):
        pass
    assert advice in error.value.do
    assert all(p.requires_grad for p in model.parameters())


def test_a_trunk_that_nothing_could_wait_for_is_refused():
    with pytest.raises(UsageError, match="nothing was inserted"), frozen_trunk(tiny()):
        pass


def test_an_error_inside_thaws_too():
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    with pytest.raises(KeyError), frozen_trunk(model):
        raise KeyError
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("use", [inserted_parameters, lambda m: parameter_groups(m, lr=1, inserted_lr=1)])
def test_a_model_without_insertion_is_refused(use):
    with pytest.raises(UsageError, match="nothing was inserted"):
        use(tiny())


def normed():
    torch.manual_seed(0)
    return Normed()


def steps(model, count=2, size=11):
    """Take steps in training mode; return what has moved, name by name. Eleven: a mean of so many equals rounds."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for seed in range(count):
        x = torch.randn(size, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    assert all(value.isfinite().all() for value in model.state_dict().values())  # NaN is no other value
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def test_a_waiting_trunk_keeps_the_statistics_of_norms_of_every_kind():
    model = normed()
    assert steps(model) == tensors()
    momenta = {name: module.momentum for name, module in model.named_modules() if hasattr(module, "momentum")}
    with frozen_trunk(model, fresh=("fc",)):
        assert steps(model) == tensors(("fc",))
    assert {name: module.momentum for name, module in model.named_modules() if hasattr(module, "momentum")} == momenta
    assert not any(module._forward_hooks for module in model.modules())
    assert steps(model) == tensors()


def test_norms_that_are_named_fresh_train_and_so_do_those_of_blocks():
    model = insert(normed(), SE(reduction=2, norm=True), where="plain", example=(2, 1, 8, 8))
    new = {name for name in model.state_dict() if name not in normed().state_dict()}
    undone = {name for name in new if name.endswith(("fc1.bias", "fc2.bias"))}  # a norm follows: rounding moves it
    with frozen_trunk(model, fresh=("instance", "cumulative")):
        assert steps(model) - undone == tensors(("instance", "cumulative")) | new - undone


def test_a_mean_over_all_batches_is_of_those_in_which_the_norm_did_not_wait():
    waited, other = normed(), normed()
    with frozen_trunk(waited, fresh=("fc.bias",)):
        waited(torch.randn(8, 1, 8, 8))
    for seed in range(3):
        x = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        waited(x), other(x)
    assert waited.cumulative.num_batches_tracked == 3
    for name, value in other.state_dict().items():
        assert torch.equal(waited.state_dict()[name], value), name


def test_a_waiting_trunk_computes_as_in_training_and_in_evaluation():
    waited, other, x = normed(), normed(), torch.randn(8, 1, 8, 8)
    with frozen_trunk(waited, fresh=("fc",)):
        assert torch.equal(waited(x), copy.deepcopy(other)(x))
        assert torch.equal(waited.eval()(x), other.eval()(x))
        pickle.dumps(waited)
