# Files that the version before wrote (written_before/: `senet train` of resnet8 with SE; `senet train` and `senet
# insert` of tinynet.py:net with SE) against models that are built by hand.

import json
from pathlib import Path

import placesnet
import pytest
import safetensors.torch
import tinynet
import torch

import senet
from senet.attention import SE
from senet.errors import UsageError
from senet.insertion import blocks, insert
from senet.models import ModelRequest, StartConfig, begin, rebuild
from senet.networks import create
from senet.utils.files import sha256
from shaken import shaken

FOLDER = Path(__file__).parent / "written_before"
SPEC = SE(reduction=4)


def filled(model, file):
    model.load_state_dict(safetensors.torch.load_file(FOLDER / file))
    return model.eval()


def tiny():
    return insert(tinynet.net(), SPEC, example=(1, 3, 16, 16))


@torch.no_grad()
def test_a_network_of_ours_opens():
    loaded = senet.load(FOLDER / "resnet8_se.safetensors")
    by_hand = filled(create("resnet8", attention=SPEC, num_classes=10, in_channels=1), "resnet8_se.safetensors")
    pixels = torch.randint(256, (4, 1, 8, 8), dtype=torch.uint8)
    expected = by_hand((pixels / 255 - 0.304366) / 0.363588)
    torch.testing.assert_close(loaded.classifier.logits(pixels), expected)
    assert loaded.labels.names == tuple("0123456789")
    assert (loaded.outputs, loaded.title) == (10, "resnet8 with SE(reduction=4)")
    said = loaded.metadata
    assert (said.seed, said.epoch, said.averaged, said.validation_accuracy) == (0, 1, False, 4.761904761904762)


@torch.no_grad()
@pytest.mark.parametrize("network", ["tinynet:net", f"{Path(tinynet.__file__)}:net", tinynet.net])
def test_a_network_of_the_users_own_opens_with_its_function(network):
    file = "tinynet_se.safetensors"
    with pytest.raises(UsageError, match="names code to import, tinynet:net"):
        senet.load(FOLDER / file)
    loaded = senet.load(FOLDER / file, network=network)
    assert len(blocks(loaded.model)) == 2
    x = torch.randn(4, 3, 16, 16)
    assert torch.equal(loaded.model(x), filled(tiny(), file)(x))
    assert (loaded.labels.names, loaded.transform.size) == (("cat", "dog"), (16, 16))
    assert loaded.metadata.validation_accuracy == 100


@torch.no_grad()
def test_an_inserted_folder_opens():
    expected = filled(tiny(), "inserted/weights.safetensors")
    x = torch.randn(4, 3, 16, 16)
    for path in ("inserted", "inserted/model.toml", "inserted/weights.safetensors"):
        assert torch.equal(senet.load(FOLDER / path, network="tinynet:net").model(x), expected(x))
        again = rebuild(FOLDER / path, factory=tinynet.net)
        assert again.training
        assert torch.equal(again.eval()(x), expected(x))


def old_folder(folder, geometry):
    """Of a ResNet-18 with SE, as `senet insert senet:resnet18@GEOMETRY` of the version before wrote it."""
    folder.mkdir()
    plain = create("resnet18", geometry=geometry, num_classes=5)
    model = shaken(insert(plain, SPEC, where="stage4.1", example=(1, 3, 64, 64)))
    weights = folder / "weights.safetensors"
    source = f"senet:resnet18@{geometry}"
    entry = {"senet": json.dumps({"source": source, "record": "model.toml"})}
    safetensors.torch.save_file(model.state_dict(), weights, entry)
    (folder / "model.toml").write_text(f"""
senet = "0.1.0"
source = "{source}"
classes = 5
sha256 = "{sha256(weights)}"

[[blocks]]
spec = "SE(reduction=4)"
init = "paper"
unit = "module"
hung = "after"
places = [{{ module = "stage4.1", channels = 256, height = 4, width = 4 }}]
""")
    return model.eval()


@torch.no_grad()
@pytest.mark.parametrize("geometry", ["torch", "caffe"])
def test_a_geometry_behind_the_name_in_an_old_record_is_the_models(geometry, tmp_path):
    model = old_folder(tmp_path / "w", geometry)
    x = torch.randn(2, 3, 65, 65)
    assert torch.equal(rebuild(tmp_path / "w").eval()(x), model(x))
    # Strides and pools leave no trace in names and shapes: every way to open it has to know.
    opened = {
        "alone": senet.load(tmp_path / "w").model,
        "named": senet.load(tmp_path / "w", network="resnet18").model,
        "begun": begin(ModelRequest(str(tmp_path / "w")), None, (3, 65, 65)).model,
        "begun by name": begin(
            ModelRequest("resnet18", start=StartConfig(str(tmp_path / "w"))), None, (3, 65, 65)
        ).model,
    }
    for how, again in opened.items():
        assert again.spec.geometry == geometry, how
        assert torch.equal(again.eval()(x), model(x)), how


@torch.no_grad()
def test_begin_goes_on_from_files_of_the_version_before():
    x = torch.randn(2, 3, 16, 16)
    for weights in ("tinynet_se.safetensors", "inserted"):
        begun = begin(ModelRequest("tinynet:net", start=StartConfig(str(FOLDER / weights))), 2, (3, 16, 16))
        file = weights if weights != "inserted" else "inserted/weights.safetensors"
        assert torch.equal(begun.model.eval()(x), filled(tiny(), file)(x))
        assert (begun.fresh, begun.init) == ((), None)
    image = torch.randn(2, 1, 8, 8)
    by_hand = filled(create("resnet8", attention=SPEC, num_classes=10, in_channels=1), "resnet8_se.safetensors")
    for wanted in (
        ModelRequest(str(FOLDER / "resnet8_se.safetensors")),
        ModelRequest("resnet8", attention="SE(reduction=4)", start=StartConfig(str(FOLDER / "resnet8_se.safetensors"))),
    ):
        begun = begin(wanted, 10, (1, 8, 8))
        assert torch.equal(begun.model.eval()(image), by_hand(image))
        assert begun.fresh == ()


@torch.no_grad()
@pytest.mark.parametrize(
    ("folder", "made"),
    [("places", placesnet.net), ("places_around", placesnet.units), ("places_before", placesnet.units)],
)
def test_blocks_at_every_kind_of_place_compute_what_they_did(folder, made):
    """Blocks were children of what they follow; outputs are those of the version that wrote the folder."""
    kept = safetensors.torch.load_file(FOLDER / folder / "outputs.safetensors")
    model = senet.load(FOLDER / folder, network=made).model
    torch.testing.assert_close(model(kept["x"]), kept["y"])
    tensors = safetensors.torch.load_file(FOLDER / folder / "weights.safetensors")
    assert tensors.keys() != model.state_dict().keys()
    model.load_state_dict(shaken(made()).state_dict(), strict=False)
    assert not torch.allclose(model(kept["x"]), kept["y"])
    model.load_state_dict(tensors)
    torch.testing.assert_close(model(kept["x"]), kept["y"])
