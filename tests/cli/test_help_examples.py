"""The examples of every command's help, run as they are printed, beside files of the names that they have.

Those of `senet compare`, and of `senet train` with a paper's recipe or a whole ResNet-18, would take minutes to hours:
--dry-run is added, which builds the network, reads weights and data and plans, and trains nothing. An address is a
folder here.
"""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from shapes import learned, pictures
from test_help import commands, prose

from senet.cli import run

TESTS = Path(__file__).parents[1]
ADDRESS = "https://example.org/photos"
PLANNED = ("senet compare", "senet train cifar_resnet", "senet train --network torchvision:resnet18")
CHEAP = ("senet models", "senet studies", "senet data check photos", "senet data pack photos --out shards")
NAMES = {"blue": "n01443537", "green": "n02110958", "red": "n04286575"}


def examples():
    lines = [line.strip() for words in commands() for line in prose(words).splitlines() if line.startswith("    ")]
    return [line if line.startswith(CHEAP) else pytest.param(line, marks=pytest.mark.slow) for line in lines]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the files that need nothing but pictures and one short training."""
    home = tmp_path_factory.mktemp("home")
    photos = pictures(home / "photos")
    best = learned(photos, home / "runs" / "photos") / "weights" / "best.safetensors"
    for copy in ("best.safetensors", "runs/compare/weights/1b2c.safetensors"):
        (home / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(best, home / copy)
    shutil.copytree(photos / "test", home / "inbox")
    for colour, name in NAMES.items():
        shutil.copytree(photos / "val" / colour, home / "imagenet" / "val" / name)
        shutil.copy(photos / "val" / colour / "0.png", home / {"blue": "cat.jpg"}.get(colour, "dog.jpg"))
    (home / "imagenet.json").write_text(json.dumps([*NAMES.values()]))
    shutil.copy(TESTS.parent / "examples" / "own_gate.py", home)
    text = "import torchvision\ndef FUNCTION():\n    return torchvision.models.mobilenet_v3_small(num_classes=3)\n"
    (home / "FILE.py").write_text(text)
    return home


def caffe(path):
    """Write what the authors released, with other numbers; the writer is that of the tests of weights."""
    with pytest.MonkeyPatch.context() as patch:
        for room in ("networks", "weights"):
            patch.syspath_prepend(TESTS / room)
        import test_caffe

        model = test_caffe.randomise(test_caffe.fresh("se_resnet50"))
        blobs = test_caffe.released_blobs("se_resnet50", model)
        test_caffe.write(path, "se_resnet50", {name: [v.float() for v in values] for name, values in blobs.items()})


def of_timm(name, classes=1000):
    return lambda path: torch.save(timm.create_model(name, num_classes=classes).state_dict(), path)


WEIGHTS = {
    "r18.pth": lambda path: torch.save(torchvision.models.resnet18(num_classes=7).state_dict(), path),
    "regnetx.pth": of_timm("regnetx_004"),
    "resnet50.pth": of_timm("resnet50", 3),
    "se_resnet50.pth": of_timm("legacy_seresnet50", 3),
    "se_resnet50-ce0d4300.pth": of_timm("legacy_seresnet50"),
    "resnet50-11ad3fa6.pth": of_timm("resnet50"),
    "seresnet18.pth": of_timm("seresnet18"),
    "model.safetensors": lambda path: save_file(timm.create_model("seresnet18").state_dict(), path),
    "SE-ResNet-50.caffemodel": caffe,
}


@pytest.mark.parametrize("line", examples())
def test_an_example_of_the_help_runs_as_it_is_printed(line, home, tmp_path, monkeypatch, capsys):
    shutil.copytree(home, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if ADDRESS in line:
        assert run(["data", "pack", "photos", "--out", "packed"]) == 0
        line = line.replace(ADDRESS, f"file://{tmp_path}/here/packed")
    words = shlex.split(line.partition(" > ")[0])[1:]
    for name in {*words} & {*WEIGHTS}:
        WEIGHTS[name](Path(name))
    torch.manual_seed(0)
    found = run([*words, "--dry-run"] if line.startswith(PLANNED) else words)
    said = capsys.readouterr()
    assert found == 0, said.err
    assert said.out or Path("guesses.csv").stat().st_size
