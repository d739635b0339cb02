"""Parameter groups are a partition; a frozen trunk stays where it is."""

import pytest
import torch
from tiny import SHAPE, images, tiny
from torch import nn

from senet import CBAM, SE, SK, create
from senet.errors import UsageError
from senet.insertion import frozen_trunk, insert, inserted_parameters, parameter_groups


@pytest.mark.parametrize("spec", [SE(reduction=4), CBAM(reduction=4), SK(groups=1, minimum=4)], ids=str)
def test_the_groups_partition_the_parameters(spec):
    model = insert(tiny(), spec, example=SHAPE)
    groups = parameter_groups(model, lr=0.01, inserted_lr=0.1, weight_decay=1e-4)
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(map(id, model.parameters()))
    assert len(set(listed)) == len(listed)
    rate = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    for name, p in model.named_parameters():
        new = ".attention." in name
        decays = p.ndim > 1 and (not new or ".branches." in name)
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
    block = model.stage1[0].bn3.attention
    model.tied = block.fc1.weight
    assert "stage1.0.bn3.attention.fc1.weight" not in inserted_parameters(model)
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
        if ".attention." not in name and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, before[name]), name
    assert any(not torch.equal(p, before[name]) for name, p in model.named_parameters() if name in inside)
    assert {name for name, p in model.named_parameters() if not p.requires_grad} == {"fc.bias"}
    assert {m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1, 0.01}


def test_an_error_inside_thaws_too():
    model = insert(tiny(), SE(reduction=4), example=SHAPE)
    with pytest.raises(KeyError), frozen_trunk(model):
        raise KeyError
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("use", [inserted_parameters, lambda m: parameter_groups(m, lr=1, inserted_lr=1)])
def test_a_model_without_insertion_is_refused(use):
    with pytest.raises(UsageError, match="nothing was inserted"):
        use(tiny())
