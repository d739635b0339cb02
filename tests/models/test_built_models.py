import sys

import nets
import pytest
import timm
import torch
import torchvision

from senet.errors import UsageError
from senet.models.factory.name import read_name
from senet.networks import create


def keys(model):
    return {name: value.shape for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("source", "classes", "reference"),
    [
        ("torchvision:squeezenet1_1", None, lambda: torchvision.models.squeezenet1_1()),
        ("torchvision:shufflenet_v2_x0_5", 7, lambda: torchvision.models.shufflenet_v2_x0_5(num_classes=7)),
        ("timm:regnetx_002", 7, lambda: timm.create_model("regnetx_002", num_classes=7)),
        ("timm:resnet10t.c3_in1k", None, lambda: timm.create_model("resnet10t")),
        ("senet:se_resnet8", 7, lambda: create("se_resnet8", num_classes=7)),
        ("resnet18", None, lambda: create("resnet18")),
        ("nets:Net", None, nets.Net),
        ("nets:five_classes", None, nets.five_classes),
    ],
)
def test_a_source_builds_the_model_that_its_library_calls_so(source, classes, reference):
    model, expected = nets.named(source, classes), reference()
    assert type(model) is type(expected)
    assert keys(model) == keys(expected)


def test_weights_are_random_and_follow_the_generator():
    first, second = [torch.manual_seed(3) and nets.named("torchvision:squeezenet1_1").state_dict() for _ in range(2)]
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not torch.equal(first["features.0.weight"], nets.named("torchvision:squeezenet1_1").features[0].weight)


def test_geometry_of_ours():
    assert nets.named("resnet18", geometry="torch").spec.geometry == "torch"
    assert nets.named("senet:resnet18").spec.geometry == "caffe"


def test_the_weights_of_a_detectors_backbone_are_not_fetched(monkeypatch):
    asked = []

    def fetch(url, *args, **named):
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    name = "ssdlite320_mobilenet_v3_large"
    assert isinstance(nets.named(f"torchvision:{name}"), torchvision.models.detection.ssd.SSD)
    assert asked == []
    with pytest.raises(OSError, match="no network"):
        torchvision.models.get_model(name)  # torchvision's own default fetches them
    assert len(asked) == 1


REFUSED = {
    "": "names no network\nsenet models lists ours; others are .*MODULE.PATH:FUNCTION",
    ":resnet50": "did you mean resnet50,",
    "torchvision:": "does not say",
    "torchvision:resnet51": "did you mean resnet",
    "torchvision:zzz": r"list_models\(\) lists them",
    "timm:resnet50x": "did you mean",
    "timm:hf-hub:somebody/model": "no model called",
    "timm:resnet50.no_such_tag": "Invalid pretrained tag",
    "senet:se_resnet51": "did you mean",
    "senet:resnet18@tensorflow": "the geometries are caffe and torch",
    "torchvison:resnet50": "did you mean torchvision:NAME",
    "no_such_module:Net": "no module is called 'no_such_module'",
    "nets.inner:Net": "no module is called 'nets.inner'",
    "nets:Nett": "did you mean Net",
    "nets:built": "not a function",
    "nets:SIDE": "not a function",
    "nets:text": "returned a str",
    "nets:broken": r"KeyError: 'width' \(.*nets.py, line \d+\)",
    "nets:with_argument": "missing 1 required positional argument",
}


@pytest.mark.parametrize("source", REFUSED)
def test_what_cannot_be_built_is_explained(source):
    with pytest.raises(UsageError) as caught:
        nets.named(source)
    assert caught.match(REFUSED[source])
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import surely_not_installed", r"ModuleNotFoundError: .*surely_not_installed.*, line 2\)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_explained(code, said, tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text(f"\n{code}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "faulty", raising=False)
    with pytest.raises(UsageError, match="importing faulty fails") as caught:
        nets.named("faulty:Net")
    assert caught.match(said)


def test_classes():
    with pytest.raises(UsageError, match="classes=0"):
        nets.named("torchvision:squeezenet1_1", 0)
    with pytest.raises(UsageError, match="classes=3 cannot reach it"):
        nets.named("nets:Net", 3)
    with pytest.raises(UsageError, match="num_classes=3"):
        nets.named("torchvision:raft_small", 3)


def test_a_library_that_is_missing_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"pip install 'senet\[timm\]'"):
        nets.named("timm:resnet18")


def test_architecture_is_the_librarys_own_name():
    sources = ("timm:resnet50.a1_in1k", "torchvision:resnet50", "nets:Net")
    assert [read_name(source).architecture for source in sources] == ["resnet50", "resnet50", ""]


def loud():
    print("Loaded!")
    return nets.Net()


def test_what_a_function_prints_is_no_part_of_a_commands_output(monkeypatch, capsys):
    monkeypatch.setattr(nets, "loud", loud, raising=False)
    nets.named("nets:loud")
    assert capsys.readouterr() == ("", "Loaded!\n")
