import os
import pickle
import zipfile

import pytest
import safetensors.torch
import torch

from senet.errors import WeightsError
from senet.metadata import Metadata
from senet.weights.files.read import read_weights, without_prefixes

STATE = {"stem.a": torch.arange(3.0), "head.b": torch.ones(2, 2)}


def same(tensors):
    return {k: v.tolist() for k, v in tensors.items()} == {k: v.tolist() for k, v in STATE.items()}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict"])
def test_files_of_torch_save(tmp_path, suffix, old, wrapper):
    path = tmp_path / f"weights{suffix}"
    saved = STATE if wrapper is None else {wrapper: STATE, "epoch": 3}
    torch.save(saved, path, _use_new_zipfile_serialization=not old)
    assert same(read_weights(path).tensors)
    assert read_weights(str(path)).where == str(path)


def test_safetensors(tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(STATE, path, {"senet": '{"network": "resnet8"}'})
    assert same(read_weights(path).tensors)
    assert read_weights(path).metadata == Metadata(network="resnet8")


def test_prefixes_come_off_in_any_order():
    for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."):
        assert same(without_prefixes({prefix + name: value for name, value in STATE.items()}))
    assert without_prefixes({"module.a": 1, "b": 2}) == {"module.a": 1, "b": 2}


class Payload:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_with_a_payload_is_refused_and_not_run(tmp_path, old):
    path, victim = tmp_path / "weights.pth", tmp_path / "ran"
    torch.save({"a": torch.ones(1), "b": Payload(f"touch {victim}")}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(WeightsError, match="system") as caught:
        read_weights(path)
    assert caught.value.where == str(path)
    assert not victim.exists()


def test_a_bare_pickle_is_refused(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(pickle.dumps({"a": Payload("true")}))
    with pytest.raises(WeightsError, match=r"weights\.bin"):
        read_weights(path)


OTHERS = {
    "w.bin": (b"<!DOCTYPE html><html>", "a web page"),
    "w.pth": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "w.pt": (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
    "w.safetensors": (b"\x80\x02}q\x00.", "a file of torch.save"),
    "v.safetensors": (b"PK\x03\x04" + bytes(30), "a file of torch.save"),
    "v.bin": (b"\x08" + bytes(7) + b"{}      ", "a safetensors file"),
    "w.caffemodel": (b"<html>", "a web page"),
    "e.pth": (b"", "empty"),
    "w.h5": (b"x", "no known kind of weights ends in '.h5'"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_something_else_is_named(tmp_path, name):
    content, said = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=said) as caught:
        read_weights(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert caught.value.do


def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_every_truncation_is_an_error_with_the_files_name(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save(STATE, path)
    else:
        safetensors.torch.save_file(STATE, path)
    whole = path.read_bytes()
    for length in range(1, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError) as caught:
            read_weights(path)
        assert caught.value.where == str(path)


HEADERS = {
    "eight bytes alone": (8).to_bytes(8, "little"),
    "a length of 2**63": (1 << 63).to_bytes(8, "little") + b"{",
    "nested": (40_000).to_bytes(8, "little") + b'{"a":' * 8_000,
    "overlapping": None,
}


@pytest.mark.parametrize("case", HEADERS)
def test_hostile_safetensors(tmp_path, case):
    path = tmp_path / "w.safetensors"
    header = (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    )
    path.write_bytes(HEADERS[case] or len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        read_weights(path)


@pytest.mark.parametrize("metadata", ["[1]", "{", '"x"', "[" * 100_000])
def test_metadata_that_is_no_object(tmp_path, metadata):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(STATE, path, {"senet": metadata})
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        read_weights(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_refused_by_name(tmp_path, value):
    state = {**STATE, "module.x": torch.tensor([1.0, value])}
    with pytest.raises(WeightsError, match=r"NaN or infinity in module\.x"):
        read_weights(state)


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        ({}, "it is empty"),
        ({"a": 1, "b": "x", "c": torch.ones(1)}, "a, b and 0 more are no tensors"),
        ({"a": torch.ones(1, device="meta")}, "meta device"),
    ],
)
def test_what_is_no_state_dict(loaded, said):
    with pytest.raises(WeightsError, match=said):
        read_weights(loaded)


def test_a_list_of_tensors_is_no_state_dict(tmp_path):
    torch.save([torch.ones(1)], tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="it is a list"):
        read_weights(tmp_path / "w.pth")


def test_a_zip_archive_that_torch_did_not_write(tmp_path):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(WeightsError, match=r"w\.pth"):
        read_weights(path)
