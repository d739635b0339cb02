# features_only(): the network's own maps, by the index of their stage, without head and without later stages.
import copy

import pytest
import timm
import torch
from families import CHANGES, build, odd_images

from senet.attention import SE
from senet.errors import UsageError
from senet.insertion import insert
from senet.networks import Features, create, features_only

every_family = pytest.mark.parametrize("name", CHANGES)


def equal(maps, expected):
    return len(maps) == len(expected) and all(map(torch.equal, maps, expected))


@every_family
@torch.no_grad()
def test_the_maps_are_the_networks_at_any_size(name):
    model, x = build(name).eval(), odd_images(name, batch=1)
    expected = list(model.features(x).values())
    found = features_only(model)
    assert isinstance(found, Features)
    maps = found(x)
    assert type(maps) is list
    assert len(maps) == len(model.stages)
    assert equal(maps, expected)
    assert found.feature_info.channels() == [each.shape[1] for each in maps]
    assert found.feature_info.reduction() == [stage.stride for stage in model.stages]


@every_family
@torch.no_grad()
def test_a_map_does_not_depend_on_the_stages_after_it(name):
    model, x = build(name).eval(), odd_images(name, batch=1)
    for i, expected in enumerate(model.features(x).values()):
        (alone,) = features_only(model, [i])(x)
        assert torch.equal(alone, expected)


@every_family
def test_names_are_the_networks_so_its_weights_load(name):
    model = build(name)
    found = features_only(build(name), (0, 1))
    first, second = (stage.name for stage in model.stages[:2])
    assert list(dict(found.named_children())) == ["stem", first, second]
    keys = found.load_state_dict(model.state_dict(), strict=False)
    assert keys.missing_keys == []
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in found.state_dict().items())
    assert not any(key.startswith("head.") for key in found.state_dict())


@torch.no_grad()
def test_indices_count_from_either_end_and_keep_their_order():
    model, x = create("resnet18").eval(), torch.randn(1, 3, 65, 70)
    maps = list(model.features(x).values())
    for indices, expected in [((1, 3), (1, 3)), ((-1,), (3,)), ((-4, -2), (0, 2)), ((2, 0), (2, 0)), ([3, -4], (3, 0))]:
        found = features_only(model, indices)
        assert equal(found(x), [maps[i] for i in expected])
        assert found.feature_info.channels() == [(64, 128, 256, 512)[i] for i in expected]
        assert found.feature_info.reduction() == [(4, 8, 16, 32)[i] for i in expected]


def test_later_stages_are_gone():
    found = features_only(create("resnet18"), (0, -3))
    assert list(dict(found.named_children())) == ["stem", "stage2", "stage3"]


@torch.no_grad()
def test_shapes_are_timms_from_its_second_map_on():
    ours = features_only(create("resnet18", geometry="torch"))
    theirs = timm.create_model("resnet18", features_only=True, out_indices=(1, 2, 3, 4))
    x = torch.randn(1, 3, 97, 65)
    assert [each.shape for each in ours.eval()(x)] == [each.shape for each in theirs.eval()(x)]
    assert ours.feature_info.channels() == theirs.feature_info.channels()
    assert ours.feature_info.reduction() == theirs.feature_info.reduction()


@pytest.mark.parametrize("indices", [(3,), (-4,), (0, 0), (0, -3), ()], ids=str)
def test_indices_that_cannot_be_are_told_the_stages(indices):
    with pytest.raises(UsageError, match="out_indices") as error:
        features_only(create("resnet8"), indices)
    assert "0 stage2, 1 stage3, 2 stage4" in str(error.value)


def test_the_network_stays_and_shares_nothing():
    model = create("se_resnet8")
    before = copy.deepcopy(model.state_dict())
    found = features_only(model).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training
    assert all(module.training for module in model.modules())
    assert not features_only(model.eval()).training


@torch.no_grad()
def test_of_a_network_with_inserted_attention_or_without_a_classifier():
    model = insert(create("resnet8"), SE(reduction=4), where="pre", example=(1, 3, 32, 32)).eval()
    x = torch.randn(1, 3, 33, 31)
    assert equal(features_only(model)(x), model.features(x).values())
    bare = create("resnet8", num_classes=0).eval()
    assert equal(features_only(bare)(x), bare.features(x).values())


def test_it_trains_and_compiles_to_one_graph():
    found, x = features_only(create("se_resnet8"), (0, 1)), torch.randn(2, 3, 32, 32)
    torch._dynamo.reset()
    sum(each.square().sum() for each in torch.compile(found, backend="aot_eager", fullgraph=True)(x)).backward()
    assert all(parameter.grad is not None for parameter in found.parameters())
