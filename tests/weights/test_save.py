import json
import resource

import pytest
import safetensors.torch
import torch

import senet
from catalogue_of_blocks import OWN, SMALL, VARIANTS, each_of
from senet.attention import SE, SK
from senet.errors import ResourceError, UsageError, WeightsError
from senet.insertion import blocks, insert
from senet.metadata import Metadata
from senet.models import save_weights
from senet.models.create import create as create_with
from senet.networks import create
from senet.weights import load_weights, write_state
from shaken import shaken


def entries(path):
    with safetensors.safe_open(path, "pt") as file:
        return file.metadata()


def equal(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


@each_of((None, *VARIANTS, OWN, SK(groups=4, hidden=((32, 8),))), (None, *SMALL, OWN))
def test_what_is_saved_loads(tmp_path, spec):
    path = tmp_path / "w.safetensors"
    one = shaken(create("resnet8", attention=spec, num_classes=7))
    save_weights(one, path, about={"classes": ["a"] * 7})
    other, x = create("resnet8", attention=spec, num_classes=7), torch.randn(2, 3, 32, 32)
    assert not equal(one, other)
    loaded = load_weights(other, path)
    assert equal(one, other)
    assert torch.equal(one.eval()(x), other.eval()(x))
    assert loaded.source == "senet"
    assert loaded.metadata.classes == ("a",) * 7
    assert (loaded.converted, loaded.skipped) == ((), ())


def test_the_metadata_is_one_entry_that_builds_the_network_again(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(create("se_resnet18", geometry="torch", num_classes=3), path)
    metadata = entries(path)
    assert list(metadata) == ["senet"]
    assert json.loads(metadata["senet"]) == {
        "network": "se_resnet18",
        "attention": {
            "kind": "SE",
            "reduction": 16,
            "squeeze": "avg",
            "activation": "relu",
            "gate": "sigmoid",
            "bias": True,
            "norm": False,
            "width": "floor",
            "minimum": 0,
        },
        "geometry": "torch",
        "num_classes": 3,
        "in_channels": 3,
    }


def test_our_own_file_knows_its_geometry_and_gate(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(create("se_resnet18", geometry="torch"), path)
    with pytest.raises(WeightsError, match="torch geometry") as caught:
        load_weights(create("se_resnet18"), path)
    assert caught.value.do == (
        'create("se_resnet18", geometry="torch"), on the command line --network se_resnet18 --geometry torch'
    )
    with pytest.raises(WeightsError, match="trained with SE") as caught:
        load_weights(create("resnet18", geometry="torch", attention=SE(gate="tanh")), path)
    assert caught.value.do == (
        'create("resnet18", attention=SE(), geometry="torch"), '
        'on the command line --network resnet18 --attention "SE()" --geometry torch'
    )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"attention": "SE"}, "its metadata: attention='SE' is not a table"),
        ({"attention": {"kind": "XY"}}, "the metadata names no valid attention: .*XY"),
        ({"attention": 3}, "its metadata: attention=3 is not a table"),
        ({"geometry": "tf"}, "the metadata names a geometry 'tf'"),
        ({"geometry": []}, r"its metadata: geometry=\[\] is not text"),
    ],
)
def test_metadata_that_makes_no_sense_is_an_error(tmp_path, said, why):
    path = tmp_path / "w.safetensors"
    model = create("resnet18")
    safetensors.torch.save_file(model.state_dict(), path, {"senet": json.dumps(said)})
    with pytest.raises(WeightsError, match=why) as caught:
        load_weights(model, path)
    assert caught.value.where == str(path)


def test_weights_of_another_network_are_listed(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(create("resnet8"), path)
    with pytest.raises(WeightsError, match=r"missing: stage2\.1\."):
        load_weights(create("resnet20"), path)


def test_a_network_on_the_meta_device_receives_the_tensors(tmp_path):
    path = tmp_path / "w.safetensors"
    one = create("se_resnet8")
    save_weights(one, path)
    with torch.device("meta"):
        other = create("se_resnet8")
    load_weights(other, path)
    assert equal(one, other)
    state = one.state_dict()
    with torch.device("meta"):
        other = create("se_resnet8")
    load_weights(other, {name: value for name, value in state.items() if "num_batches" not in name})
    assert equal(one, other)
    with torch.no_grad():
        other.head.fc.bias.add_(1)
    assert not torch.equal(other.head.fc.bias, state["head.fc.bias"])  # a copy, not the caller's tensor


def test_values_take_the_networks_dtype():
    model = create("resnet8").half()
    load_weights(model, create("resnet8").double().state_dict())
    assert model.head.fc.weight.dtype == torch.float16


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module."])
def test_a_training_scripts_checkpoint(tmp_path, prefix):
    one, other = create("se_resnet8"), create("se_resnet8")
    state = {prefix + name: value for name, value in one.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pth.tar")
    load_weights(other, tmp_path / "w.pth.tar")
    assert equal(one, other)


def test_refusals_of_the_writer(tmp_path):
    with pytest.raises(UsageError, match="written as safetensors"):
        save_weights(create("resnet8"), tmp_path / "w.pth")
    model = create("resnet8")
    model.spec = None
    with pytest.raises(UsageError, match="no name"):
        save_weights(model, tmp_path / "w.safetensors")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError):
        save_weights(create("resnet8"), tmp_path / "file" / "w.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_tensors_that_share_their_memory_are_written_each(tmp_path):
    whole = torch.arange(6.0)
    write_state({"a": whole, "b": whole[2:]}, tmp_path / "w.safetensors", Metadata())
    read = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert torch.equal(read["a"], whole)
    assert torch.equal(read["b"], whole[2:])
    with pytest.raises(UsageError, match="no tensors: epoch"):
        write_state({"a": whole, "epoch": 3}, tmp_path / "w.safetensors", Metadata())


def test_row_57_a_file_that_may_not_grow_is_an_error_and_the_old_one_stays(tmp_path):
    write_state({"x": torch.ones(10)}, tmp_path / "w.safetensors", Metadata(seed=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(ResourceError, match="cannot write: File too large"):
            write_state({"x": torch.ones(10**6)}, tmp_path / "w.safetensors", Metadata(seed=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert json.loads(entries(tmp_path / "w.safetensors")["senet"]) == {"seed": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_a_network_without_a_classifier_takes_the_trunk_and_says_what_it_left_out():
    whole, trunk = create("se_resnet8"), create("se_resnet8", num_classes=0)
    loaded = load_weights(trunk, whole.state_dict())
    assert set(loaded.skipped) == {"head.fc.weight", "head.fc.bias"}
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in trunk.state_dict().items())
    built = create_with("se_resnet8", weights=whole.state_dict(), num_classes=0)
    assert built.num_classes == 0
    assert equal(built, trunk)
    lost = {name: value for name, value in whole.state_dict().items() if name != "stage2.0.branch.conv1.conv.weight"}
    with pytest.raises(WeightsError, match="1 missing"):
        load_weights(trunk, lost)


def test_what_is_saved_without_a_classifier_is_built_without_one(tmp_path):
    path, trunk = tmp_path / "w.safetensors", create("se_resnet8", num_classes=0)
    save_weights(trunk, path)
    assert json.loads(entries(path)["senet"])["num_classes"] == 0
    again = create_with("se_resnet8", weights=path)
    assert again.num_classes == 0
    assert equal(again, trunk)
    with pytest.raises(WeightsError, match="2 missing"):
        load_weights(create("se_resnet8"), path)


def test_a_new_classifier_is_saved_with_its_classes(tmp_path):
    path, model = tmp_path / "w.safetensors", create("se_resnet8")
    model.reset_classifier(7)
    save_weights(model, path)
    again = create_with("se_resnet8", weights=path)
    assert again.num_classes == 7
    assert equal(again, model)


def test_blocks_that_were_inserted_are_saved_with_the_network(tmp_path):
    plain = create("resnet8", attention=None, num_classes=5)
    model = insert(plain, "SE(reduction=4)", where="post", example=(1, 3, 32, 32))
    save_weights(model, tmp_path / "w.safetensors", about={"classes": list("abcde")})
    opened = senet.load(tmp_path / "w.safetensors")
    assert list(blocks(opened.model)) == list(blocks(model))
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(opened.model(x), model.eval()(x))
    assert opened.labels.names == tuple("abcde")
