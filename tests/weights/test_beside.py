# What lies beside weights, or does not: the input that they are used with, and what is said of it.

import json
import logging

import pytest
import safetensors.torch
import torch
from torch import nn

import senet
from senet.errors import WeightsError
from senet.models.convert import convert
from senet.models.load import load
from senet.weights import load_weights
from senet.weights.hub.preprocessing import companion_metadata

HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
TIMMS = {"input_size": [3, 48, 48], "interpolation": "bicubic", "crop_pct": 0.75, **HALF}
NEW = {"architecture": "any", "num_classes": 3, "pretrained_cfg": TIMMS}
OLD = {"architecture": "any", "num_classes": 3, **TIMMS}
PROCESSOR = {
    "image_mean": HALF["mean"],
    "image_std": HALF["std"],
    "resample": 3,
    "size": {"shortest_edge": 64},
    "crop_size": {"height": 48, "width": 48},
    "do_center_crop": True,
    "rescale_factor": 1 / 255,
}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


def folder(path, card, name="config.json", file="model.safetensors"):
    path.mkdir(exist_ok=True)
    safetensors.torch.save_file(Net().state_dict(), path / file)
    (path / name).write_text(json.dumps(card))
    return path


def notes(caplog, weights):
    caplog.clear()
    with caplog.at_level(logging.WARNING, "senet"):
        return load(weights, network=Net), [record.getMessage() for record in caplog.records]


CARDS = {"timm's": (NEW, "config.json"), "of before": (OLD, "config.json"), "transformers'": (PROCESSOR, "")}


@pytest.mark.parametrize("named", ["", "model.safetensors", "w.safetensors"])
@pytest.mark.parametrize("case", CARDS)
def test_row_101_the_input_that_lies_beside_is_used_and_named(tmp_path, caplog, case, named):
    card, name = CARDS[case]
    name = name or "preprocessor_config.json"
    place = folder(tmp_path / "w", card, name, named or "model.safetensors")
    opened, said = notes(caplog, place / named)
    transform = opened.transform
    assert (transform.mean, transform.std) == ((0.5,) * 3, (0.25,) * 3)
    assert (transform.size, transform.resize, transform.interpolation) == ((48, 48), 64, "bicubic")
    assert any(f"{name} beside the weights: input" in line for line in said)
    assert not any("say nothing" in line for line in said)


def test_row_101_where_nothing_is_known_it_is_said_and_not_stamped(tmp_path, caplog):
    torch.save(Net().state_dict(), tmp_path / "w.pth")
    opened, said = notes(caplog, tmp_path / "w.pth")
    assert "the weights say nothing of their input: ImageNet's mean and deviation are assumed" in said
    torch.save(senet.create("resnet18", geometry="torch", num_classes=3).state_dict(), tmp_path / "r.pth")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "senet"):
        loaded = convert(tmp_path / "r.pth", "resnet18", tmp_path / "r.safetensors")
    assert loaded.metadata.input_transform is None
    assert "none is written" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "senet"):
        again = load(tmp_path / "r.safetensors")
    assert "say nothing of their input" in caplog.text
    assert again.metadata.input_transform is None
    assert again.transform.mean == opened.transform.mean


def test_row_101_a_converted_file_keeps_what_lay_beside(tmp_path, caplog):
    card = {"pretrained_cfg": TIMMS, "label_names": ["ant", "bee", "cow"]}
    (tmp_path / "w").mkdir()
    model = senet.create("resnet18", geometry="torch", num_classes=3)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "w" / "model.safetensors")
    (tmp_path / "w" / "config.json").write_text(json.dumps(card))
    convert(tmp_path / "w", "resnet18", tmp_path / "r.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"mean": [0.1] * 3, "std": [0.1] * 3}))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "senet"):
        opened = load(tmp_path / "r.safetensors")
    assert (opened.transform.mean, opened.named.names) == ((0.5,) * 3, ("ant", "bee", "cow"))
    assert "another input than they do themselves" in caplog.text


def test_two_cards_that_disagree_are_named(tmp_path):
    place = folder(tmp_path / "w", NEW)
    (place / "preprocessor_config.json").write_text(json.dumps({**PROCESSOR, "image_mean": [0.4] * 3}))
    loaded = load_weights(Net(), place)
    assert loaded.metadata.input_transform["mean"] == [0.5] * 3
    assert "preprocessor_config.json says another mean or deviation than config.json: config.json is used" in str(
        loaded
    )


def test_a_card_beside_another_file_is_named_and_not_used(tmp_path):
    place = folder(tmp_path / "w", NEW)
    torch.save(Net().state_dict(), place / "mine.pth")
    loaded = load_weights(Net(), place / "mine.pth")
    assert loaded.metadata.input_transform is None
    assert "config.json beside mine.pth: not used, since model.safetensors lies there too" in str(loaded)


NAMES = {
    "label_names": {"label_names": ["ant", "bee", "cow"]},
    "in timm's": {"pretrained_cfg": {**HALF, "label_names": ["ant", "bee", "cow"]}},
    "class_names": {"class_names": ["ant", "bee", "cow"]},
    "id2label": {"id2label": {"0": "ant", "1": "bee", "2": "cow"}},
}


@pytest.mark.parametrize("case", NAMES)
def test_row_101_class_names_beside_the_weights_are_used_where_they_fit(tmp_path, caplog, case):
    opened, said = notes(caplog, folder(tmp_path / "w", NAMES[case]))
    assert opened.named.names == ("ant", "bee", "cow")
    assert any("3 class names" in line for line in said)


UNFIT = {
    "too many": ({"label_names": [f"c{i}" for i in range(10)]}, "10 class names lie beside"),
    "twice": ({"id2label": {"0": "crane", "1": "crane", "2": "cow"}}, "gives 3 outputs 2 names"),
    "as many as channels": ({"label_names": list("abcd")}, "4 class names beside the weights are not used"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_row_101_class_names_that_do_not_fit_are_said(tmp_path, caplog, case):
    card, what = UNFIT[case]
    opened, said = notes(caplog, folder(tmp_path / "w", card))
    assert opened.labels is None
    assert any(what in line for line in said)


def test_names_that_nobody_gave_are_none():
    assert companion_metadata({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}).metadata.classes is None


LEFT = {
    "a mean alone": ({"mean": [0.5] * 3}, "has not both mean and std"),
    "another crop": ({"pretrained_cfg": {**HALF, "crop_mode": "squash"}}, "crop_mode squash is not used"),
    "a processor without": ({"preprocessor_config.json": {"size": 224}}, "has not both image_mean and image_std"),
    "another scale": (
        {"preprocessor_config.json": {**PROCESSOR, "rescale_factor": 1 / 127.5}},
        "rescales pixels by 0.00784",
    ),
    "another filter": ({"preprocessor_config.json": {**PROCESSOR, "resample": 5}}, "resample 5 is not used"),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_of_a_card_is_not_used_is_said(case):
    card, what = LEFT[case]
    assert any(what in line for line in companion_metadata(card).notes)


def test_a_processor_that_does_not_normalise():
    said = companion_metadata(
        {"preprocessor_config.json": {"do_normalize": False, "size": {"height": 32, "width": 40}}}
    )
    expected = {"mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear", "input_size": [3, 32, 40]}
    assert said.metadata.input_transform == {**expected, "crop_pct": 1.0}


def test_a_processor_that_cannot_be_read_is_named(tmp_path):
    place = folder(tmp_path / "w", NEW)
    (place / "preprocessor_config.json").write_text("{")
    with pytest.raises(WeightsError, match="not a readable config"):
        load_weights(Net(), place)
