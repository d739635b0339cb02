# Names of models: every form is read once, and what is refused says what can be typed instead.

import subprocess
import sys

import nets
import pytest
import torch

import senet
from senet.attention import SE
from senet.errors import UsageError
from senet.insertion import insert
from senet.models import save_inserted
from senet.models.factory.name import ModelName, read_name, recorded_name

FORMS = {
    "resnet50": (ModelName("senet", "resnet50"), "senet:resnet50", "resnet50", "resnet50"),
    "senet:resnet50": (ModelName("senet", "resnet50"), "senet:resnet50", "resnet50", "resnet50"),
    "torchvision:resnet50": (
        ModelName("torchvision", "resnet50"),
        "torchvision:resnet50",
        "torchvision:resnet50",
        "resnet50",
    ),
    "timm:resnet50.a1_in1k": (
        ModelName("timm", "resnet50.a1_in1k"),
        "timm:resnet50.a1_in1k",
        "timm:resnet50.a1_in1k",
        "resnet50",
    ),
    "nets:Net": (ModelName("function", "nets:Net"), "nets:Net", "nets:Net", ""),
    "a.b:net": (ModelName("function", "a.b:net"), "a.b:net", "a.b:net", ""),
    "dir/net.py:make": (ModelName("function", "dir/net.py:make"), "dir/net.py:make", "dir/net.py:make", ""),
}


@pytest.mark.parametrize("text", FORMS)
def test_every_form_is_read_and_written_back(text):
    name, written, title, architecture = FORMS[text]
    assert read_name(text) == name
    assert (str(name), name.title, name.architecture) == (written, title, architecture)
    assert read_name(str(name)) == name
    assert recorded_name(str(name)) == name


def test_files_and_folders_of_ours_are_saved_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    senet.save_weights(senet.create("resnet8"), "w.safetensors")
    save_inserted(insert(nets.Net(), SE(reduction=4), example=nets.IMAGE), "folder", source="nets:Net")
    for text in (
        "w.safetensors",
        "folder",
        "folder/model.toml",
        "folder/weights.safetensors",
        str(tmp_path / "folder"),
    ):
        assert read_name(text) == ModelName("saved", text)
        assert read_name(text).architecture == ""


def test_a_folder_that_is_called_like_a_network_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet50").mkdir()
    assert read_name("resnet50") == ModelName("senet", "resnet50")


def test_geometries_of_old_records_are_read_there_and_nowhere_else():
    assert recorded_name("senet:resnet50@torch") == ModelName("senet", "resnet50", "torch")
    with pytest.raises(UsageError, match="a name has no geometry: senet:resnet50@torch"):
        read_name("senet:resnet50@torch")


# What is typed -> the whole error.
REFUSED = {
    "senet:resnet50@torch": (
        "a name has no geometry: senet:resnet50@torch",
        '--network resnet50 --geometry torch (geometry="torch" in Python)',
    ),
    "senet:resnet50@tf": ("a name has no geometry: senet:resnet50@tf", "the geometries are caffe and torch"),
    "net.py": ("net.py is a file, not a function in it", "name one: net.py:FUNCTION"),
    "weights.pth": (
        "weights.pth does not name the model of its weights",
        "name their network, --network NAME, and these (--weights weights.pth)",
    ),
    "hub:timm/resnet50.a1_in1k@main": (
        "hub:timm/resnet50.a1_in1k@main names weights, not a model",
        "name their network, --network NAME, and these (--weights hub:timm/resnet50.a1_in1k@main)",
    ),
    "efficientnet_b0": ("no network is called 'efficientnet_b0'", "did you mean torchvision:efficientnet_b0?"),
    "squeezenet1_0": ("no network is called 'squeezenet1_0'", "did you mean torchvision:squeezenet1_0?"),
    "se_resnet5O": (
        "no network is called 'se_resnet5O'",
        "did you mean se_resnet56, se_resnet50, se_resnet152?",
    ),
    "ResNet50": ("no network is called 'ResNet50'", "did you mean resnet50, resnet56, resnet20?"),
    "net.py:": (
        "no network is called 'net.py:'",
        "senet models lists ours; others are torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION, FILE.py:FUNCTION, "
        "or a file or folder that senet wrote",
    ),
    "net.py:two words": (
        "'net.py:two words' names no function",
        "write it as MODULE.PATH:FUNCTION or FILE.py:FUNCTION",
    ),
    "torchvision:": ("torchvision: does not say which model", "write torchvision:NAME"),
    "gone.safetensors": ("no such file", "check the path"),
    "run": ("the folder has no model.toml", "name the file itself: run/weights/best.safetensors"),
    "empty": ("the folder has no model.toml", "a folder of senet insert has one"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_name_says_what_to_type(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "run" / "weights").mkdir(parents=True)
    (tmp_path / "run" / "weights" / "best.safetensors").touch()
    (tmp_path / "run" / "weights" / "last.safetensors").touch()
    with pytest.raises(UsageError) as caught:
        read_name(text)
    assert (caught.value.what, caught.value.do) == REFUSED[text]
    assert caught.value.exit_code == 2


NET = """
import torch
from {beside} import WIDTH

def net():
    return torch.nn.Sequential(torch.nn.Conv2d(3, WIDTH, 1), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
"""


@pytest.fixture
def clean_imports(monkeypatch):
    """Folders on the path and modules that a test's code adds go away after it."""
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - set(before):
        if name.startswith(("subnet", "neighbour", "colorsys_of")):
            del sys.modules[name]


@pytest.mark.usefixtures("clean_imports")
def test_a_file_in_a_subfolder_may_import_its_neighbours(tmp_path, monkeypatch):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "neighbour_of_net.py").write_text("WIDTH = 7\n")
    (tmp_path / "deep" / "er" / "subnet.py").write_text(NET.format(beside="neighbour_of_net"))
    monkeypatch.chdir(tmp_path)
    assert nets.named("deep/er/subnet.py:net")(torch.zeros(1, 3, 2, 2)).shape == (1, 7)
    assert nets.named(f"{tmp_path}/deep/er/subnet.py:net")(torch.zeros(1, 3, 2, 2)).shape == (1, 7)


@pytest.mark.usefixtures("clean_imports")
def test_two_files_of_one_name_are_two_models(tmp_path, monkeypatch):
    for folder, width in (("a", 4), ("b", 5)):
        (tmp_path / folder).mkdir()
        code = NET.replace("from {beside} import WIDTH", f"WIDTH = {width}")
        (tmp_path / folder / "subnet.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    widths = [nets.named(f"{folder}/subnet.py:net")(torch.zeros(1, 3, 2, 2)).shape[1] for folder in ("a", "b", "a")]
    assert widths == [4, 5, 4]


def test_a_module_of_the_current_folder_comes_before_an_installed_one(tmp_path):
    # In a process of its own: the installed module must not have been imported yet.
    (tmp_path / "installed").mkdir()
    for folder, width in ((tmp_path / "installed", 1), (tmp_path, 9)):
        (folder / "subnet.py").write_text(NET.replace("from {beside} import WIDTH", f"WIDTH = {width}"))
    code = f"""
import sys
sys.path = [p for p in sys.path if p] # as a console script has it: without the current folder
sys.path.insert(0, {str(tmp_path / "installed")!r})
from senet.models.factory.builders import from_function
print(from_function("subnet:net")[0].out_channels)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["9"]
