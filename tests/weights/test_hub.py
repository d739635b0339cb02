# A cache as huggingface_hub lays it out, made by hand: tests use no network.

import hashlib

import huggingface_hub
import pytest
import safetensors.torch
import timm
import torch
import torchvision

import senet
from senet.errors import UsageError, WeightsError
from senet.weights.files.read import read_weights
from senet.weights.hub import download

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def published(cache, state, damage=False):
    root = cache / "models--timm--seresnet50.a1_in1k"
    content = safetensors.torch.save(state)
    digest = hashlib.sha256(content).hexdigest()
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (root / folder).mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    (root / "blobs" / digest).write_bytes(content[:-1] + b"x" if damage else content)
    (root / "snapshots" / COMMIT / "model.safetensors").symlink_to(root / "blobs" / digest)
    return digest


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_a_file_in_the_cache(cache, revision):
    digest = published(cache, {"stem.a": torch.ones(1), "head.b": torch.ones(2)})
    found = download.fetch(f"hub:timm/seresnet50.a1_in1k@{revision}", cache)
    assert (found.origin["hub"], found.origin["revision"]) == ("timm/seresnet50.a1_in1k", revision)
    assert (found.origin["commit"], found.origin["sha256"]) == (COMMIT, digest)


def test_create_builds_the_geometry_and_classes_of_the_weights_and_records_them(cache, monkeypatch):
    theirs = timm.create_model("seresnet50", num_classes=3)
    digest = published(cache, theirs.state_dict())
    fetch = download.fetch
    monkeypatch.setattr(download, "fetch", lambda name: fetch(name, cache))
    model = senet.create("se_resnet50", weights="hub:timm/seresnet50.a1_in1k@main")
    assert model.spec.geometry == "torch"
    assert model.origin == {
        "source": "timm",
        "hub": "timm/seresnet50.a1_in1k",
        "revision": "main",
        "commit": COMMIT,
        "sha256": digest,
    }
    x = torch.randn(1, 3, 33, 33)
    torch.testing.assert_close(model.eval()(x), theirs.eval()(x))
    state = read_weights("hub:timm/seresnet50.a1_in1k@main")
    assert state.origin["commit"] == COMMIT


def test_a_damaged_file_is_found_by_its_digest(cache):
    published(cache, {"stem.a": torch.ones(1)}, damage=True)
    with pytest.raises(WeightsError, match=r"SHA-256 is .* the hub says"):
        download.fetch("hub:timm/seresnet50.a1_in1k@main", cache)


def test_offline_says_what_to_run(cache):
    with pytest.raises(WeightsError, match="not in the cache") as caught:
        download.fetch("hub:timm/resnet18@main", cache)
    assert "hf download timm/resnet18 model.safetensors --revision main --local-dir weights" in caught.value.do
    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.parametrize("name", ["hub:timm/resnet18", "hub:resnet18@main", "hub:a/b/c@main", "hub:../x@main", "hub:"])
def test_other_forms(name):
    with pytest.raises(UsageError, match="is not of the form"):
        read_weights(name)


def test_create_from_a_file(tmp_path):
    theirs = torchvision.models.resnet18(num_classes=3)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    model = senet.create("resnet18", weights=tmp_path / "w.pth")
    x = torch.randn(1, 3, 33, 33)
    torch.testing.assert_close(model.eval()(x), theirs.eval()(x))
    with pytest.raises(WeightsError, match="1 mis-shaped"):
        senet.create("resnet18", weights=tmp_path / "w.pth", num_classes=3, in_channels=1, geometry="torch")
    assert senet.create("resnet8").origin == {}


def test_a_dense_twin_loads_too():
    state = torchvision.models.resnet18().state_dict()
    twin = senet.dense(senet.create("resnet18", geometry="torch"))
    assert senet.load_weights(twin, state).converted == ("head.fc.weight",)
    assert torch.equal(twin.head.fc.weight.flatten(1), state["fc.weight"])
