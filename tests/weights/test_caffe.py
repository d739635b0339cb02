# Files as the authors released them, from random weights: the loaded network against a slow reading of the authors'
# layer tables, and against the network that the file was made from.

from pathlib import Path

import pytest
import torch
from caffe_interpreter import run
from caffe_writer import layer, net, old_blob
from test_caffe_graphs import RELEASED, released_blobs, table
from test_parity import difference, randomise
from twins import settle

from senet.errors import UsageError, WeightsError
from senet.networks import create
from senet.weights import load_weights
from senet.weights.sources.caffe_names import caffe_layers


def fresh(name):
    with torch.device("meta"):
        return create(name).double()


def write(path: Path, name, blobs, changes=None):
    """Write blobs by layer; changes maps a layer's name to the bytes that replace it."""
    layers = [(changes or {}).get(row.name, layer(row.name, row.type, blobs[row.name])) for row in caffe_layers(name)]
    path.write_bytes(net(*layers))
    return path


SMALL = "se_bn_inception"  # the smallest file


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    model = settle(randomise(fresh(SMALL)))
    blobs = released_blobs(SMALL, model)
    return model, {name: [value.float() for value in values] for name, values in blobs.items()}


every_released = pytest.mark.parametrize(
    "name", ["se_resnet50", *(pytest.param(n, marks=pytest.mark.slow) for n in RELEASED if n != "se_resnet50")]
)


def from_file(path, name):
    source = randomise(fresh(name))
    if name == "se_bn_inception":
        source = settle(source)  # without shortcuts, only settled statistics let the image through to the logits
    blobs = {key: [v.float() for v in values] for key, values in released_blobs(name, source).items()}
    model = fresh(name)
    assert load_weights(model, write(path / "w.caffemodel", name, blobs)).source == "caffe"
    return model.eval(), source, blobs


@every_released
def test_a_released_file_loads_and_the_logits_are_its_networks(tmp_path, name):
    model, source, _ = from_file(tmp_path, name)
    assert difference(model, source, 64) < 1e-3  # float32's rounding of the file


@every_released
def test_a_released_file_gives_the_logits_of_the_authors_graph(tmp_path, name):
    model, _, blobs = from_file(tmp_path, name)
    graph = table(name)
    assert difference(model, lambda x: run(graph, x, lambda n, k, s: [b.double() for b in blobs[n]]), 65) < 1e-12


def test_the_input_of_the_authors_travels_with_the_weights(tmp_path, original):
    path = write(tmp_path / "w.caffemodel", SMALL, original[1])
    metadata = load_weights(fresh(SMALL), path).metadata
    assert metadata.input_transform == {
        "channel_order": "BGR",
        "range": 255,
        "mean": (104.0, 117.0, 123.0),
        "std": (1.0, 1.0, 1.0),
    }
    assert "ILSVRC2017_val.txt" in metadata.class_order


def test_files_with_the_old_four_axes_load(tmp_path, original):
    model, blobs = original
    changes = {
        row.name: layer(row.name, row.type, blobs[row.name], old_blob)
        for row in caffe_layers(SMALL)
        if row.type in ("Convolution", "InnerProduct", "Scale")
    }
    loaded = fresh(SMALL)
    load_weights(loaded, write(tmp_path / "w.caffemodel", SMALL, blobs, changes))
    assert difference(loaded.eval(), model, 32) < 1e-3


BN = "conv2/3x3_reduce/bn"
DAMAGED = {
    "factor of zero": (BN, "BatchNorm", lambda b: [b[0], b[1], b[2] * 0], "variance of .* is zero throughout"),
    "negative factor": (BN, "BatchNorm", lambda b: [b[0], b[1], -b[2]], "factor of mean and variance"),
    "no factor": (BN, "BatchNorm", lambda b: [b[0], b[1]], "factor of mean and variance is missing"),
    "negative variance": (BN, "BatchNorm", lambda b: [b[0], -b[1], b[2]], "negative variance"),
    "not a number": (BN, "BatchNorm", lambda b: [b[0] * float("nan"), b[1], b[2]], rf"NaN or infinity in {BN}.blobs.0"),
    "another type": (BN, "Scale", lambda b: b, "is a Scale, in the released file a BatchNorm"),
    "fewer channels": (BN, "BatchNorm", lambda b: [b[0][1:], b[1], b[2]], "1 mis-shaped"),
    "one blob more": (BN, "BatchNorm", lambda b: [*b, b[2]], "1 unexpected"),
    "no blobs": (BN, "BatchNorm", lambda b: [], "2 missing"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_cannot_be_is_named(tmp_path, original, case):
    name, kind, change, said = DAMAGED[case]
    blobs = original[1]
    path = write(tmp_path / "w.caffemodel", SMALL, blobs, {name: layer(name, kind, change(blobs[name]))})
    with pytest.raises(WeightsError, match=said) as caught:
        load_weights(fresh(SMALL), path)
    assert caught.value.where == str(path)


def test_other_networks_and_geometries_are_refused(tmp_path):
    path = tmp_path / "w.caffemodel"
    path.write_bytes(net(layer("conv1/7x7_s2", "Convolution", [torch.ones(64, 3, 7, 7)])))
    with pytest.raises(UsageError, match="no Caffe file of 'resnet18' was released"):
        load_weights(create("resnet18"), path)
    with torch.device("meta"):
        model, torchs = create("se_resnet50"), create("se_resnet50", geometry="torch")
    with pytest.raises(WeightsError, match=r"330 missing.*\n.*missing: stem\.conv1\.bn\.weight"):
        load_weights(model, path)
    with pytest.raises(WeightsError, match="caffe geometry") as caught:
        load_weights(torchs, path)
    assert caught.value.do == 'create("se_resnet50"), on the command line --network se_resnet50'


def test_a_new_head(tmp_path, original):
    path = write(tmp_path / "w.caffemodel", SMALL, original[1])
    model = create(SMALL, num_classes=3)
    assert load_weights(model, path, head="new").skipped == ("classifier.blobs.0", "classifier.blobs.1")


def test_a_second_layer_of_one_name(tmp_path):
    (tmp_path / "w.caffemodel").write_bytes(net(*[layer("a", "Scale", [torch.ones(2)])] * 2))
    with pytest.raises(WeightsError, match=r"offset .*a second layer called 'a'"):
        load_weights(create("resnet8"), tmp_path / "w.caffemodel")


@pytest.mark.slow
def test_a_flipped_bit_is_an_error_or_stays_in_its_layer(tmp_path, original):
    path = write(tmp_path / "w.caffemodel", SMALL, original[1])
    whole = load_state(path)
    content = bytearray(path.read_bytes())
    draw = torch.Generator().manual_seed(0)
    rows = caffe_layers(SMALL)
    refused = changed = 0
    for i in torch.randint(len(rows), (60,), generator=draw).tolist():
        start = content.find(b"\x0a" + bytes([len(rows[i].name)]) + rows[i].name.encode())  # the layer's first field
        bit = 8 * (start - 6) + int(torch.randint(8 * 250, (), generator=draw))  # its header, and some of its values
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        content[bit // 8] ^= 1 << bit % 8
        try:
            state = load_state(path)
        except WeightsError:
            refused += 1
            continue
        differing = {name.rpartition(".")[0] for name, value in state.items() if not torch.equal(value, whole[name])}
        assert len(differing) <= 1
        changed += len(differing)
    assert refused > 10
    assert changed > 5


def load_state(path):
    model = fresh(SMALL)
    load_weights(model, path)
    return model.state_dict()
