# What travels with weights: written, read again, and refused where it is of another type.

import json
from dataclasses import fields, replace

import pytest
import safetensors.torch
import torch

from senet.attention import SE, to_dict
from senet.errors import WeightsError
from senet.metadata import NO_METADATA, Metadata, read_metadata
from senet.weights import write_state
from senet.weights.files.read import read_weights

EVERYTHING = Metadata(
    network="se_resnet18",
    attention=to_dict(SE(reduction=4)),
    geometry="torch",
    num_classes=3,
    in_channels=1,
    record='senet = "0.1.0"\n',
    source="torchvision:resnet18",
    classes=("ape", "bee", "cat"),
    class_order="by name",
    input_transform={"size": [32, 32], "resize": 32, "mean": [0.5], "std": [0.25]},
    architecture="resnet18",
    tag="a1_in1k",
    data="folder:photos",
    seed=0,
    epoch=0,
    validation_accuracy=0.0,
    averaged=False,
    licence="MIT",
    origin={"file": "w.pth", "sha256": "0" * 64},
    more={"note": "of mine", "depth": [1, {"a": None}]},
)


def test_the_whole_example_leaves_no_field_at_its_default():
    assert [f.name for f in fields(Metadata) if getattr(EVERYTHING, f.name) == getattr(NO_METADATA, f.name)] == []


@pytest.mark.parametrize(
    "metadata",
    [
        EVERYTHING,
        NO_METADATA,
        Metadata(network="resnet8", attention=None),
        Metadata(network="se_resnet8"),
        replace(EVERYTHING, validation_accuracy=4.761904761904762, more={}),
    ],
)
def test_what_is_written_is_read(metadata, tmp_path):
    assert read_metadata(json.loads(json.dumps(metadata.to_dict()))) == metadata
    write_state({"x": torch.ones(2)}, tmp_path / "w.safetensors", metadata)
    assert read_weights(tmp_path / "w.safetensors").metadata == metadata


def test_only_what_is_said_is_written():
    assert NO_METADATA.to_dict() == {}
    assert Metadata(network="resnet8", epoch=0, averaged=False).to_dict() == {
        "network": "resnet8",
        "epoch": 0,
        "averaged": False,
    }
    # Three things: the row's own attention, none, and another.
    assert Metadata(attention="published").to_dict() == {}
    assert Metadata(attention=None).to_dict() == {"attention": None}
    assert Metadata(attention=to_dict(SE())).to_dict() == {"attention": to_dict(SE())}


def test_unknown_keys_are_kept_as_they_are():
    said = {"network": "resnet8", "from_the_future": {"a": [1, None]}, "more": 3}
    metadata = read_metadata(said)
    assert metadata.more == {"from_the_future": {"a": [1, None]}, "more": 3}
    assert metadata.to_dict() == said
    assert read_metadata(metadata.to_dict()) == metadata


def test_what_one_says_stands_over_another():
    base = Metadata(network="se_resnet8", attention=None, seed=1, epoch=9, more={"a": 1, "b": 1})
    over = Metadata(seed=2, averaged=False, more={"b": 2})
    assert over.with_defaults(base) == Metadata(
        network="se_resnet8", attention=None, seed=2, epoch=9, averaged=False, more={"a": 1, "b": 2}
    )
    assert Metadata(attention=to_dict(SE())).with_defaults(base).attention == to_dict(SE())
    assert Metadata(attention=None).with_defaults(EVERYTHING).attention is None
    assert (NO_METADATA.with_defaults(EVERYTHING), EVERYTHING.with_defaults(NO_METADATA)) == (EVERYTHING, EVERYTHING)


def test_a_model_is_said_by_a_network_or_a_record():
    assert Metadata(network="resnet8").identifies_model
    assert Metadata(record="x").identifies_model
    assert not Metadata(source="timm:resnet50", num_classes=3, input_transform={}).identifies_model


WRONG = {
    "network": (["resnet8"], "network=['resnet8'] is not text"),
    "attention": ("SE", "attention='SE' is not a table"),
    "geometry": (3, "geometry=3 is not text"),
    "num_classes": (3.0, "num_classes=3.0 is not a whole number"),
    "in_channels": (True, "in_channels=True is not a whole number"),
    "record": ({"source": "x"}, "record={'source': 'x'} is not text"),
    "source": (1, "source=1 is not text"),
    "classes": (["a", 2], "classes[1]=2 is not text"),
    "class_order": ([], "class_order=[] is not text"),
    "input_transform": ([0.5], "input_transform=[0.5] is not a table"),
    "architecture": ({}, "architecture={} is not text"),
    "tag": (1, "tag=1 is not text"),
    "data": (["photos"], "data=['photos'] is not text"),
    "seed": ("0", "seed='0' is not a whole number"),
    "epoch": (1.5, "epoch=1.5 is not a whole number"),
    "validation_accuracy": ("62", "validation_accuracy='62' is not a number"),
    "averaged": (1, "averaged=1 is not true or false"),
    "licence": (["MIT"], "licence=['MIT'] is not text"),
    "origin": ("here", "origin='here' is not a table"),
}


def test_every_key_has_a_wrong_value():
    assert set(WRONG) == {f.name for f in fields(Metadata)} - {"more"}


@pytest.mark.parametrize("key", WRONG)
def test_a_value_of_another_type_is_refused_with_its_key_and_file(key, tmp_path):
    value, said = WRONG[key]
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"x": torch.ones(1)}, path, {"senet": json.dumps({key: value})})
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert (caught.value.what, caught.value.where) == (f"its metadata: {said}", str(path))
    assert caught.value.exit_code == 4


def test_a_list_of_classes_that_is_text_is_no_list():
    with pytest.raises(WeightsError, match="classes='abc' is not a list"):
        read_metadata({"classes": "abc"})


def test_nulls_of_old_files_say_nothing():
    assert read_metadata({"geometry": None, "seed": None, "classes": None}) == NO_METADATA
    assert read_metadata({"attention": None}) == Metadata(attention=None)
