# dense(): the mean of the map is the pooled classifier's logits; when a window of it is a crop's logits.

from collections import OrderedDict
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_parity import randomise
from torch import nn

import senet
from senet.attention import SE
from senet.errors import UsageError
from senet.networks import Network, Stage, create, dense
from senet.networks.preact import ROWS as PREACT
from senet.networks.resnet import classifier_head
from senet.networks.shake_shake import ROWS as SHAKE

NETWORKS = {
    "resnet18": lambda: create("resnet18", num_classes=12),
    "se_resnet20": lambda: create("se_resnet20"),
    "cbam_resnet18": lambda: create("cbam_resnet18", num_classes=12),
    "sknet26": lambda: create("sknet26", num_classes=12),
    "preact": lambda: replace(PREACT["preact_resnet110"], depths=(1, 1, 1)).build(10, 3),
    "shake_shake": lambda: replace(SHAKE["se_shake_shake_26_2x96d"], depths=(1, 1, 1), channels=(16, 32, 64)).build(
        10, 3
    ),
}


def built(make):
    with torch.device("meta"):
        model = make()
    return randomise(model)


def images(size, batch=2):
    return torch.randn(batch, 3, size, size + 3, dtype=torch.float64)


@pytest.mark.parametrize("size", [pytest.param(64, marks=pytest.mark.slow), 77])
@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_the_mean_of_the_map_is_the_classifiers_logits(name, size):
    model, x = built(NETWORKS[name]), images(size)
    scores, last = dense(model)(x), model.features(x)[model.stages[-1].name]
    assert scores.shape == (2, model.head.fc.out_features, *last.shape[2:])
    torch.testing.assert_close(scores.mean((2, 3)), model(x), rtol=1e-12, atol=1e-12)
    assert (scores - scores.mean((2, 3), keepdim=True)).abs().max() > 1e-3  # a map, not its mean everywhere


@torch.no_grad()
def test_each_score_is_the_linear_layer_on_one_position():
    model, x = built(NETWORKS["se_resnet20"]), images(32)
    last = model.features(x)["stage4"]
    expected = F.linear(last.movedim(1, -1), model.head.fc.weight, model.head.fc.bias).movedim(-1, 1)
    torch.testing.assert_close(dense(model)(x), expected)


# --- windows


def tiny(padding=0, gate=None):
    """Two convolutions, 5x5 receptive field at stride 2 in all."""
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=padding, stride=2), nn.ReLU())
    layers = [nn.Conv2d(8, 16, 2, padding=padding), nn.ReLU(), *([] if gate is None else [gate])]
    return Network(stem, [(Stage("stage2", 16, 2), nn.Sequential(*layers))], classifier_head(16, 10, 0.0))


def crops_and_windows(model, rows, columns):
    """Logits of each crop that sees rows x columns positions, and the mean of the map's window there."""
    x = images(15, batch=1)
    scores = dense(model)(x)
    for i in range(scores.shape[2] - rows + 1):
        for j in range(scores.shape[3] - columns + 1):
            height, width = 2 * (rows - 1) + 5, 2 * (columns - 1) + 5
            crop = x[:, :, 2 * i : 2 * i + height, 2 * j : 2 * j + width]
            yield model(crop), scores[:, :, i : i + rows, j : j + columns].mean((2, 3))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (4, 2)])
@torch.no_grad()
def test_a_window_is_the_classifier_on_its_crop_without_padding_and_squeeze(rows, columns):
    pairs = list(crops_and_windows(randomise(tiny()), rows, columns))
    assert len(pairs) == (7 - rows) * (8 - columns)
    for logits, window in pairs:
        torch.testing.assert_close(window, logits, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("network", [lambda: tiny(padding=1), lambda: tiny(gate=SE(4)(16))], ids=["padding", "squeeze"])
@torch.no_grad()
def test_a_window_is_not_the_classifier_on_its_crop_with_padding_or_squeeze(network):
    pairs = crops_and_windows(randomise(network()), 2, 3)
    assert max((logits - window).abs().max() / logits.abs().max() for logits, window in pairs) > 1e-2


# --- the copy


def test_the_classifier_stays_and_shares_nothing():
    model = built(NETWORKS["se_resnet20"])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    twin = dense(model)
    with torch.no_grad():
        for value in twin.state_dict().values():
            value.zero_()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert isinstance(model.head.fc, nn.Linear)
    assert twin.state_dict().keys() == before.keys()


def test_mode_gradients_dropout_and_generator_are_kept():
    model = classified(dropout=0.2)
    model.head.fc.weight.requires_grad_(False)
    model.head.fc.eval()
    state = torch.get_rng_state()
    twin = dense(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert twin.training
    assert not twin.head.fc.training
    assert (twin.head.fc.weight.requires_grad, twin.head.fc.bias.requires_grad) == (False, True)
    assert (type(twin.head.dropout), twin.head.dropout.p) == (nn.Dropout2d, 0.2)
    assert not dense(model.eval()).training


def classified(dropout=0.0):
    model = tiny()
    model.head = classifier_head(16, 10, dropout)
    return model


def test_on_the_meta_device_and_in_half_precision():
    with torch.device("meta"):
        twin = dense(create("resnet18"))
    assert twin(torch.empty(1, 3, 96, 64, device="meta")).shape == (1, 1000, 3, 2)
    assert dense(classified().to(torch.bfloat16)).head.fc.weight.dtype == torch.bfloat16


def with_head(*layers):
    model = tiny()
    model.head = nn.Sequential(OrderedDict((f"layer{i}", layer) for i, layer in enumerate(layers)))
    return model


POOL = nn.AdaptiveAvgPool2d(1)


@torch.no_grad()
def test_any_sequence_of_pooling_and_a_linear_layer_without_bias_will_do():
    head = (nn.Conv2d(16, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1), nn.Linear(4, 3, bias=False))
    model, x = randomise(with_head(*head)), images(11)
    torch.testing.assert_close(dense(model)(x).mean((2, 3)), model(x))


@pytest.mark.parametrize(
    "model",
    [
        with_head(POOL, nn.Flatten(), nn.Linear(16, 8), nn.Hardswish(), nn.Linear(8, 3)),
        with_head(nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(16 * 49, 3)),
        with_head(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, 3)),
        with_head(POOL, nn.Flatten()),
        with_head(POOL, nn.Flatten(), nn.Linear(16, 3), nn.Dropout(0.1)),
        dense(tiny()),
        nn.Linear(3, 3),
    ],
    ids=["hidden layer", "no global pooling", "maximum", "no classifier", "behind", "dense already", "no network"],
)
def test_other_heads_are_refused(model):
    with pytest.raises(UsageError, match=r"dense\(\)") as error:
        dense(model)
    assert error.value.do


def test_the_face_exports_it():
    assert senet.dense is dense


def test_exports_for_any_image():
    twin = dense(create("se_resnet8")).eval()
    sizes = {2: torch.export.Dim("height", min=8, max=256), 3: torch.export.Dim("width", min=8, max=256)}
    program = torch.export.export(twin, (torch.randn(1, 3, 32, 40),), dynamic_shapes=(sizes,))
    x = torch.randn(1, 3, 49, 64)
    torch.testing.assert_close(program.module()(x), twin(x), rtol=1e-4, atol=1e-4)
