# The conventions of timm on every family: what enters the classifier, what leaves it, and another in its place.
import copy

import pytest
import timm
import torch
from families import CHANGES, build, odd_images
from torch import nn

from senet.attention import SE
from senet.errors import UsageError
from senet.insertion import insert
from senet.networks import NETWORKS, Network, Stage, create, dense

every_family = pytest.mark.parametrize("name", CHANGES)


@every_family
@torch.no_grad()
def test_forward_is_forward_head_of_forward_features(name):
    model, x = build(name).eval(), odd_images(name, batch=1)
    last = model.forward_features(x)
    assert torch.equal(last, model.features(x)[model.stages[-1].name])
    assert torch.equal(model.forward_head(last), model(x))
    assert model(x).shape == (1, 5)


@every_family
@torch.no_grad()
def test_the_classifier_takes_the_vector_before_it(name):
    model, x = build(name).eval(), odd_images(name)
    vector = model.forward_head(model.forward_features(x), pre_logits=True)
    assert vector.shape == (2, model.num_features)
    torch.testing.assert_close(model.head.fc(vector), model(x))


@every_family
@torch.no_grad()
def test_none_then_another_classifier(name):
    model, x = build(name).eval(), odd_images(name)
    vector, keys = model.forward_head(model.forward_features(x), pre_logits=True), list(model.state_dict())
    width = model.num_features
    for classes in (7, 0, 7, 0):
        model.reset_classifier(classes)
        assert (model.num_classes, model.num_features) == (classes, width)
        assert model(x).shape == (2, classes or width)
        if classes == 0:
            assert isinstance(model.head.fc, nn.Identity)
            assert torch.equal(model(x), vector)
            assert list(model.state_dict()) == [key for key in keys if not key.startswith("head.fc.")]
        else:
            assert list(model.state_dict()) == keys


@every_family
def test_classes_are_those_of_the_layer(name):
    model = build(name)
    assert model.num_classes == 5
    model.head.fc = nn.Linear(model.num_features, 3)  # by hand, as people do
    assert model.num_classes == 3
    model.head.fc = nn.Identity()
    assert model.num_classes == 0
    model.reset_classifier(4)
    assert model.head.fc.weight.shape == (4, model.num_features)


@pytest.mark.parametrize(("ours", "theirs"), [("resnet18", "resnet18"), ("se_resnet50", "legacy_seresnet50")])
@torch.no_grad()
def test_shapes_are_timms(ours, theirs):
    one, other = create(ours, geometry="torch").eval(), timm.create_model(theirs).eval()
    x = torch.randn(1, 3, 64, 64)
    for classes in (None, 7, 0, 3):
        if classes is not None:
            one.reset_classifier(classes)
            other.reset_classifier(classes)
        assert (one.num_classes, one.num_features) == (other.num_classes, other.num_features)
        maps = one.forward_features(x), other.forward_features(x)
        assert maps[0].shape == maps[1].shape
        assert one.forward_head(maps[0]).shape == other.forward_head(maps[1]).shape
        vectors = one.forward_head(maps[0], pre_logits=True), other.forward_head(maps[1], pre_logits=True)
        assert vectors[0].shape == vectors[1].shape
        assert type(one.get_classifier()) is type(other.get_classifier())


def test_a_fresh_classifier_is_he_normal_and_the_rest_stays():
    model = build("se_resnet8").to(torch.float64).eval()
    before = copy.deepcopy(model.state_dict())
    model.requires_grad_(False)
    model.reset_classifier(4000)
    fc = model.head.fc
    assert (type(fc), fc.weight.dtype, fc.training) == (nn.Linear, torch.float64, False)
    assert fc.weight.requires_grad
    assert not fc.bias.any()
    assert abs(fc.weight.std().item() / (2 / 64) ** 0.5 - 1) < 0.01
    after = model.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before if not key.startswith("head.fc."))


def test_the_device_and_type_of_the_trunk_where_there_was_none():
    with torch.device("meta"):
        model = create("resnet8", num_classes=0).to(torch.bfloat16)
    model.reset_classifier(7)
    assert (model.head.fc.weight.device.type, model.head.fc.weight.dtype) == ("meta", torch.bfloat16)


@torch.no_grad()
def test_a_dense_network_keeps_its_kind_of_classifier():
    model, x = dense(build("se_resnet8")).eval(), odd_images("se_resnet8")
    last = model.forward_features(x)
    assert torch.equal(model.forward_head(last), model(x))
    assert model.forward_head(last, pre_logits=True).shape == last.shape
    for classes in (7, 0, 7):
        model.reset_classifier(classes)
        assert (model.num_features, model.num_classes) == (64, classes)
        assert model(x).shape == (2, classes or 64, *last.shape[2:])
    assert isinstance(model.head.fc, nn.Conv2d)


@torch.no_grad()
def test_a_network_with_inserted_attention_has_the_same_conventions():
    model = insert(create("resnet8"), SE(reduction=4), example=(1, 3, 32, 32)).eval()
    x = odd_images("se_resnet8")
    assert torch.equal(model.forward_head(model.forward_features(x)), model(x))
    model.reset_classifier(0)
    assert model(x).shape == (2, model.num_features) == (2, 64)


@pytest.mark.parametrize("classes", [-1, -7])
def test_negative_numbers_are_refused(classes):
    with pytest.raises(UsageError, match=f"num_classes={classes}"):
        build("se_resnet8").reset_classifier(classes)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in CHANGES else pytest.mark.slow) for name in NETWORKS]
)
def test_every_network_is_created_without_a_classifier(name):
    with torch.device("meta"):
        model = create(name, num_classes=0)
        size = 32 if NETWORKS[name].size == 32 else 97
        assert model.eval()(torch.empty(2, 3, size, size)).shape == (2, model.num_features)
    assert model.num_classes == 0
    assert not any(key.startswith("head.fc.") for key in model.state_dict())


def test_the_trunk_of_a_seed_is_the_same_without_a_classifier():
    torch.manual_seed(3)
    whole = create("se_resnet8").state_dict()
    torch.manual_seed(3)
    trunk = create("se_resnet8", num_classes=0).state_dict()
    assert trunk.keys() == {key for key in whole if not key.startswith("head.fc.")}
    assert all(torch.equal(value, whole[key]) for key, value in trunk.items())


@torch.no_grad()
def test_without_a_classifier_it_is_one_graph():
    model, x = create("se_resnet8", num_classes=0).eval(), torch.randn(2, 3, 32, 32)
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(x), model(x))


def with_head(head):
    return Network(nn.Conv2d(3, 8, 3), [(Stage("stage2", 8, 1), nn.ReLU())], head)


def test_a_head_that_we_cannot_cut_says_so():
    pooled = with_head(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert (pooled.num_classes, pooled.num_features) == (0, 8)
    with pytest.raises(UsageError, match="no linear layer") as error:
        pooled.reset_classifier(3)
    assert error.value.do
    nested = with_head(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Flatten(), nn.Linear(8, 3))))
    assert nested.num_classes == 3
    with pytest.raises(UsageError, match="pre_logits") as error:
        nested.forward_head(torch.randn(1, 8, 4, 4), pre_logits=True)
    assert error.value.do


def test_a_head_of_one_layer_is_its_classifier():
    model = with_head(nn.Conv2d(8, 3, 1))
    model.reset_classifier(5)
    assert model(torch.randn(1, 3, 6, 6)).shape == (1, 5, 4, 4)
