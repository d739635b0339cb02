# The reader alone, on small files: whatever the bytes are, it gives tensors or an error with an offset.

import struct
import time
import tracemalloc

import pytest
import torch
from caffe_writer import blob, floats, integer, layer, message, net, old_blob, varint
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from senet.errors import WeightsError
from senet.weights.files.caffemodel import read_caffemodel

BLOBS = {
    "conv": ("Convolution", [torch.arange(12.0).reshape(3, 2, 2, 1) + 1, torch.arange(3.0) + 20]),
    "conv/bn": ("BatchNorm", [torch.arange(3.0) + 30, torch.arange(3.0) + 40, torch.tensor([50.0])]),
    "fc": ("InnerProduct", [torch.arange(6.0).reshape(2, 3) + 60]),
}
FILE = net(*(layer(name, kind, blobs) for name, (kind, blobs) in BLOBS.items()), layer("relu", "ReLU", []))
EXPECTED = {f"{name}.blobs.{i}": b for name, (_, blobs) in BLOBS.items() for i, b in enumerate(blobs)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.caffemodel"


def read(path, content):
    path.write_bytes(content)
    return read_caffemodel(path)


def test_blobs_and_types(path):
    tensors, types = read(path, FILE)
    assert list(tensors) == list(EXPECTED)
    assert all(torch.equal(tensors[name], EXPECTED[name]) for name in EXPECTED)
    assert types == {name: kind for name, (kind, _) in BLOBS.items()}


def test_other_ways_to_write_the_same(path):
    values = torch.arange(6.0).reshape(2, 3)
    unpacked = message(7, integer(1, 2) + integer(1, 3)) + message(5, floats(values))
    double = message(7, message(1, b"\x02\x03")) + message(8, struct.pack("<6d", *range(6)))
    with_diff = blob(values) + message(6, floats(values + 9))
    for content in (unpacked, double, with_diff):
        tensors, _ = read(path, net(layer("a", "InnerProduct", [content], lambda b: b)))
        assert torch.equal(tensors["a.blobs.0"].float(), values)
    tensors, _ = read(path, net(layer("a", "InnerProduct", [values], old_blob)))
    assert torch.equal(tensors["a.blobs.0"], values[None, None])
    scalar = message(7, b"") + message(5, floats(torch.tensor([4.0])))
    assert read(path, net(layer("a", "Scale", [scalar], lambda b: b)))[0]["a.blobs.0"].shape == ()


def one(content):
    return net(message(100, message(1, b"a") + content))


HOSTILE = {
    "a length of 2**63": (one(b"\x3a" + varint(2**63)), "past the end"),
    "a length past the layer": (one(message(7, b"")[:1] + varint(200)), "past the end"),
    "a shape of 2**60 values": (one(message(7, blob(torch.ones(1), (2**30, 2**30)))), "a blob of shape"),
    "an axis of 2**63": (one(message(7, blob(torch.ones(0), (2**63, 0)))), "a blob of shape"),
    "an empty blob": (one(message(7, blob(torch.ones(0), (0,)))), "a blob of shape"),
    "a negative axis": (one(message(7, blob(torch.ones(1), (2**64 - 1,)))), "a blob of shape"),
    "a million axes": (one(message(7, blob(torch.ones(1), (1,) * 1_000_000))), "more than 32 axes"),
    "old axes of 2**60": (one(message(7, integer(1, 2**60) + message(5, floats([1.0])))), "a blob of shape"),
    "another count": (one(message(7, blob(torch.ones(3), (2,)))), r"shape \(2,\) with 3 values"),
    "three bytes of a float": (one(message(7, message(5, b"abc"))), "3 bytes of values of 4"),
    "two arrays": (one(message(7, message(5, b"abcd") * 2)), "two arrays"),
    "no values": (one(message(7, message(7, b"\x0a\x01\x01"))), "without values"),
    "floats one by one": (one(message(7, varint(5 << 3 | 5) + b"abcd")), "wire type 5 in field 5, expected 2"),
    "a number for a name": (net(message(100, integer(1, 3))), "wire type 0 in field 1, expected 2"),
    "a number for a layer": (net(integer(100, 3)), "wire type 0 in field 100"),
    "a number for a blob": (one(integer(7, 3)), "wire type 0 in field 7"),
    "a group": (net(varint(9 << 3 | 3)), "wire type 3 in field 9"),
    "field zero": (net(b"\x02\x00"), "a field numbered 0"),
    "a number without end": (net(b"\xff" * 12), "more than 10 bytes"),
    "a name of a megabyte": (net(message(100, message(1, b"a" * 2**20))), "a name of 1048576 bytes"),
    "a name that is no text": (net(message(100, message(1, b"\xff\xfe"))), "not UTF-8"),
    "a layer without a name": (net(message(100, message(7, blob(torch.ones(1))))), "without a name"),
    "17 blobs": (one(message(7, blob(torch.ones(1))) * 17), "more than 16 blobs"),
    "V1": (message(2, b"\x0a\x01a"), "old V1 format"),
    "no layer": (message(1, b"a net"), "no layer with weights"),
    "text": (b"layer { name: 'conv' }\n" * 20, "wire type 4"),
    "a picture": (b"\xff\xd8\xff\xe0" + bytes(100), "wire type 7"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_with_the_offset(path, case):
    content, said = HOSTILE[case]
    with pytest.raises(WeightsError, match=r"offset \d+: .*" + said) as caught:
        read(path, content)
    assert caught.value.where == str(path)


def test_depth_costs_nothing(path):
    content = b""
    for _ in range(3_000):
        content = message(7, content)
    with pytest.raises(WeightsError, match="offset"):
        read(path, one(content))
    tensors, _ = read(path, FILE + message(100, message(1, b"x") + message(13, content)))
    assert list(tensors) == list(EXPECTED)


@pytest.mark.parametrize("unit", [message(100, b""), integer(5, 0), message(100, message(13, b""))])
def test_a_small_file_cannot_ask_for_much(path, unit):
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(WeightsError, match="more than"):
        read(path, unit * 500_000)
    seconds, (_, peak) = time.monotonic() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6
    assert seconds < 30


def attempt(path, content):
    try:
        return read(path, content)
    except WeightsError as error:
        if "offset" not in error.what:
            raise
        return {}, {}


def test_every_truncation_is_named(path):
    for length in range(1, len(FILE)):
        tensors, _ = attempt(path, FILE[:length])  # where the cut falls between two layers, tensors are missing
        assert len(tensors) < len(EXPECTED) or length == len(FILE) - len(layer("relu", "ReLU", []))


fuzz = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(st.binary(min_size=1, max_size=300))
@example(b"\x00")
def test_any_bytes_give_tensors_or_an_error_with_an_offset(path, content):
    tensors, types = attempt(path, content)
    assert {name.rpartition(".blobs.")[0] for name in tensors} <= types.keys()


def test_a_flipped_bit_is_an_error_or_changes_the_weight_that_it_hits(path):
    silent = 0
    for bit in range(0, 8 * len(FILE), 5):
        flipped = bytearray(FILE)
        flipped[bit // 8] ^= 1 << bit % 8
        tensors, types = attempt(path, bytes(flipped))
        if set(tensors) != set(EXPECTED) or any(types[name] != kind for name, (kind, _) in BLOBS.items()):
            continue  # an error, or a name, a type or a layer is lost and loading refuses it
        differing = [name for name in EXPECTED if not torch.equal(tensors[name], EXPECTED[name])]
        assert len(differing) <= 1
        for name in differing:
            if tensors[name].shape != EXPECTED[name].shape:
                continue  # loading refuses it
            assert (tensors[name] != EXPECTED[name]).sum() == 1
            silent += 1
    assert silent > 0.9 * 32 / 5 * sum(b.numel() for b in EXPECTED.values())
