# senet.load() of every kind of weights: what it returns is ready for images and says what it is.

import sys
from functools import partial
from pathlib import Path

import nets
import pytest
import torch
import torchvision

import senet
from catalogue_of_blocks import OWN, SMALL
from senet.attention import CBAM, SE
from senet.errors import SenetError, UsageError, WeightsError
from senet.insertion import blocks, insert
from senet.metadata import Metadata
from senet.models.factory.config import ModelConfig, model_metadata
from senet.models.factory.name import ModelName, read_name
from senet.models.saved.folder import write_folder
from senet.networks import create
from senet.weights import write_state
from senet.weights.infer_network import NetworkOptions
from shaken import shaken

HERE = Path(__file__).parent
SIDE = 32
SHUFFLENET = "torchvision:shufflenet_v2_x0_5"
TRAINED = Metadata(
    classes=("ape", "bee", "cat", "dog", "elk"),
    input_transform={
        "size": [SIDE, SIDE],
        "resize": SIDE,
        "mean": [0.25, 0.5, 0.75],
        "std": [0.5, 0.25, 0.125],
        "interpolation": "bilinear",
        "channel_order": "RGB",
        "range": 1,
    },
    seed=7,
    epoch=3,
    validation_accuracy=62.5,
    averaged=False,
)


def config(name, classes=None):
    return ModelConfig(read_name(name) if isinstance(name, str) else name, NetworkOptions(num_classes=classes))


def trained(path, model, config):
    """What training writes."""
    write_state(model.state_dict(), path, model_metadata(model, config).with_defaults(TRAINED))
    return path


def bytes_of_images():
    return torch.randint(256, (2, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def by_hand(model, metadata=TRAINED):
    mean, std = (torch.tensor(metadata.input_transform[key]).view(3, 1, 1) for key in ("mean", "std"))
    return model.eval()((bytes_of_images() / 255 - mean) / std)


def ours(spec=SE(reduction=4)):  # noqa: B008  # a spec is frozen
    return shaken(create("resnet8", attention=spec, num_classes=5))


def ours_with_more():
    return shaken(insert(ours(), CBAM(reduction=4), where="stage?", example=(1, 3, SIDE, SIDE), again=True))


def torchvisions():
    return shaken(insert(nets.named(SHUFFLENET, 5), SE(reduction=4), example=(1, 3, SIDE, SIDE)))


TOLD = {
    **{
        f"a network of ours with {spec}": (partial(ours, spec), config("resnet8", 5), f"resnet8 with {spec}")
        for spec in (*SMALL, OWN)
    },
    "ours with CBAM inserted": (
        ours_with_more,
        config("resnet8", 5),
        "resnet8 with SE(reduction=4), CBAM(reduction=4) inserted",
    ),
    "torchvision's with SE inserted": (
        torchvisions,
        config(SHUFFLENET, 5),
        f"{SHUFFLENET} with SE(reduction=4) inserted",
    ),
    "torchvision's": (lambda: shaken(nets.named(SHUFFLENET, 5)), config(SHUFFLENET, 5), SHUFFLENET),
}


def assert_ready(loaded, model, where, metadata=TRAINED):
    expected = by_hand(model, metadata)
    scale = expected.abs().max().item()
    torch.testing.assert_close(loaded.classifier.logits(bytes_of_images()), expected, rtol=0, atol=1e-5 * scale)
    assert expected.diff(dim=1).abs().mean() > 1e-2 * scale
    assert not any(module.training for module in loaded.model.modules())
    assert loaded.outputs == 5
    assert loaded.labels.names == TRAINED.classes
    assert (loaded.transform.size, list(loaded.transform.mean)) == ((SIDE, SIDE), metadata.input_transform["mean"])
    said = loaded.metadata
    assert (said.epoch, said.seed, said.validation_accuracy, said.averaged) == (3, 7, 62.5, False)
    assert loaded.where == str(where)


@pytest.mark.parametrize("kind", TOLD)
def test_a_trained_file_alone_is_ready_for_images(kind, tmp_path):
    make, built, title = TOLD[kind]
    model = make()
    path = trained(tmp_path / "best.safetensors", model, built)
    state = torch.get_rng_state()
    loaded = senet.load(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert_ready(loaded, model, path)
    assert loaded.title == title
    assert blocks(loaded.model) == blocks(model)


def test_a_file_of_ours_is_built_once(tmp_path, monkeypatch):
    path = trained(tmp_path / "w.safetensors", ours(), config("resnet8", 5))
    real, calls = create, []

    def counted(name, **arguments):
        calls.append(name)
        return real(name, **arguments)

    callers = [
        module
        for name, module in sys.modules.items()
        if name.startswith("senet.") and vars(module).get("create") is real
    ]
    assert {module.__name__ for module in callers} >= {"senet.networks", "senet.weights.infer_network"}
    for module in callers:
        monkeypatch.setattr(module, "create", counted)
    senet.load(path)
    assert calls == ["resnet8"]


def own():
    return shaken(insert(nets.five_classes(), SE(reduction=4), example=(1, 3, SIDE, SIDE)))


OWN = {
    "a module": "nets:five_classes",
    "a file": f"{HERE / 'nets.py'}:five_classes",
    "the function": nets.five_classes,
    "a partial": partial(nets.Net, 5),
}


@pytest.mark.parametrize("form", OWN)
def test_a_function_of_ones_own_is_named_by_the_user(form, tmp_path):
    model = own()
    path = trained(tmp_path / "w.safetensors", model, config("nets:five_classes"))
    loaded = senet.load(path, network=OWN[form])
    assert_ready(loaded, model, path)
    assert "SE(reduction=4) inserted" in loaded.title
    assert blocks(loaded.model) == blocks(model)


def test_without_the_users_word_nothing_is_imported(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("trap:net", "trap.py:net"):
        path = trained(tmp_path / "w.safetensors", own(), config(ModelName("function", name)))
        with pytest.raises(UsageError, match=f"the record names code to import, {name}; nothing is imported") as caught:
            senet.load(path)
        assert f"--network {name}" in caught.value.do
        assert "network=" in caught.value.do
        assert "trap" not in sys.modules


@pytest.mark.parametrize("network", [nets.five_classes, partial(nets.Net, 5), "nets:five_classes"])
def test_weights_that_say_no_model_go_into_the_function_that_is_given(network, tmp_path):
    model = shaken(nets.five_classes())
    torch.save(model.state_dict(), tmp_path / "w.pth")
    loaded = senet.load(tmp_path / "w.pth", network=network, classes=TRAINED.classes)
    assert (loaded.outputs, loaded.labels.names) == (5, TRAINED.classes)
    x = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        assert torch.equal(loaded.model(x), model.eval()(x))


def test_a_folder_of_an_insertion_is_ready_by_any_of_its_names(tmp_path):
    model = torchvisions()
    weights, record = write_folder(model, tmp_path / "folder", config(SHUFFLENET, 5))
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = model.eval()(x)
        for path in (tmp_path / "folder", record, weights):
            loaded = senet.load(path)
            assert torch.equal(loaded.model(x), expected)
            assert (loaded.outputs, loaded.labels, loaded.title) == (
                5,
                None,
                f"{SHUFFLENET} with SE(reduction=4) inserted",
            )


@pytest.mark.parametrize(
    ("network", "classes"), [("torchvision:resnet18", 1000), ("torchvision:resnet18", 6), ("resnet18", 6)]
)
def test_a_bare_state_dict_is_of_the_network_that_is_named_and_tells_its_classes(network, classes, tmp_path, caplog):
    theirs = shaken(torchvision.models.resnet18(num_classes=classes))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    state = torch.get_rng_state()
    loaded = senet.load(tmp_path / "w.pth", network=network)
    assert torch.equal(torch.get_rng_state(), state)
    assert (loaded.outputs, loaded.labels, loaded.title) == (classes, None, network)
    x = torch.randn(2, 3, 65, 65)
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(x), theirs.eval()(x), atol=1e-4, rtol=1e-4)
    assert (loaded.transform.size, loaded.transform.mean) == ((224, 224), (0.485, 0.456, 0.406))
    assert any("224 x 224" in record.getMessage() for record in caplog.records)


def test_a_bare_state_dict_without_a_network_is_refused(tmp_path):
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="does not name the model") as caught:
        senet.load(tmp_path / "w.pth")
    assert caught.value.where == str(tmp_path / "w.pth")
    assert "--network NAME" in caught.value.do


def test_a_state_that_no_row_of_which_can_be_counted_is_refused_and_not_a_traceback(tmp_path):
    state = torchvision.models.resnet18().state_dict() | {"fc.bias": torch.tensor(1.0)}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="1 mis-shaped"):
        senet.load(tmp_path / "w.pth", network="torchvision:resnet18")


def test_what_is_named_must_be_what_the_weights_are_of(tmp_path):
    path = trained(tmp_path / "w.safetensors", ours(), config("resnet8", 5))
    with pytest.raises(WeightsError, match="do not fit"):
        senet.load(path, network="resnet20")
    with pytest.raises(UsageError, match="is weights, not a network"):
        senet.load(path, network=str(path))
    with pytest.raises(SenetError, match="geometry"):
        senet.load(path, geometry="torch")
    with pytest.raises(UsageError, match="neither geometry nor slots"):
        senet.load(path, network=SHUFFLENET, attention="SE")


def test_classes_of_the_weights_and_given_ones_must_agree(tmp_path):
    path = trained(tmp_path / "w.safetensors", ours(), config("resnet8", 5))
    with pytest.raises(SenetError, match="ant"):
        senet.load(path, classes=["ant", *TRAINED.classes[1:]])
    assert senet.load(path, classes=TRAINED.classes).labels.names == TRAINED.classes


def test_half_precision_weights_are_used_in_float32(tmp_path):
    model = ours().half()
    path = trained(tmp_path / "w.safetensors", model, config("resnet8", 5))
    loaded = senet.load(path)
    torch.testing.assert_close(loaded.classifier.logits(bytes_of_images()), by_hand(model.float()))


def inserts_itself():
    return insert(nets.five_classes(), SE(reduction=2), example=(1, 3, SIDE, SIDE))


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("network", [inserts_itself, f"{Path(__file__)}:inserts_itself"])
def test_blocks_that_a_function_inserts_itself_are_not_doubled(network, more, tmp_path):
    model = inserts_itself()
    if more:
        model = insert(model, CBAM(reduction=4), where="unit?.bn1", example=(1, 3, SIDE, SIDE), again=True)
    shaken(model)
    path = trained(tmp_path / "w.safetensors", model, config(ModelName("function", "anywhere:inserts_itself")))
    loaded = senet.load(path, network=network)
    assert_ready(loaded, model, path)
    assert blocks(loaded.model) == blocks(model)
    assert len(blocks(loaded.model)) == (4 if more else 2)


def changed_ours():
    """A network of ours whose name and shapes do not tell what it computes."""
    model = create("resnet8", num_classes=5)
    model.stem.append(torch.nn.Hardtanh(0, 0.5))
    return model


def in_the_plain_network(model):
    plain = create("resnet8", num_classes=5)
    plain.load_state_dict(model.state_dict())
    return plain


def test_a_network_of_ours_that_a_function_changed_is_the_functions(tmp_path):
    model = shaken(changed_ours())
    path = trained(tmp_path / "w.safetensors", model, config(ModelName("function", "anywhere:changed_ours")))
    assert not torch.equal(by_hand(model), by_hand(in_the_plain_network(model)))
    with pytest.raises(UsageError, match="names code to import"):  # alone it would be another network
        senet.load(path)
    assert_ready(senet.load(path, network=changed_ours), model, path)
