# Images that are decoded as they go: neither ranks nor workers change what is trained on.
import json
import shutil
import sys

import pytest
import torch
from PIL import Image

from launching import ended, start, torchrun
from senet.cli import run

pytestmark = pytest.mark.xdist_group("ranks")  # one launch at a time

COMMAND = (
    *("-m", "senet", "train", "--network", "se_resnet8", "--image-size", "16", "--precision", "float32"),
    *("--epochs", "2", "--batch-size", "10", "--freeze-norms-from", "1", "--mix.mixup", "0.2", "--threads", "1"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs of two sizes, bright and dark; 47 to train on, 21 to score."""
    root, draw = tmp_path_factory.mktemp("photos"), torch.Generator().manual_seed(0)
    for split, count in (("train", 47), ("val", 21), ("test", 21)):
        for i in range(count):
            name, size = ("bright", 24) if i % 2 else ("dark", 20)
            pixels = torch.randint(0, 128, (size, size + 4, 3), generator=draw) + 100 * (i % 2)
            path = root / split / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.to(torch.uint8).numpy()).save(path)
    return root


@pytest.fixture(scope="module")
def packed(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "shards"
    assert run(["data", "pack", str(folder), "--out", str(out)]) == 0
    return out


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "seconds" in line]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "shards"])
def test_two_ranks_with_two_workers_each_have_the_losses_of_one_process_without(kind, folder, packed, tmp_path):
    data = f"folder:{folder}" if kind == "folder" else f"shards:{packed}"
    for name, started, workers in (
        ("one", lambda *words: start(sys.executable, *words), 0),
        ("two", lambda *words: torchrun(2, *words), 2),
    ):
        code, said = ended(started(*COMMAND, "--data", data, "--workers", workers, "--out", tmp_path / name))
        assert code == 0, said
    one, two = (losses(tmp_path / name) for name in ("one", "two"))
    assert len(one) == 2 * 5
    assert two == pytest.approx(one, rel=1e-4, abs=1e-4)  # training makes much of where a sum is rounded
    first, second = (json.loads((tmp_path / name / "result.json").read_text())["test"] for name in ("one", "two"))
    assert second == {**first, "loss": pytest.approx(first["loss"], rel=1e-4, abs=1e-4)}
    assert first["images"] == 21


@pytest.mark.slow
def test_images_that_any_rank_leaves_out_are_named_in_the_log(folder, tmp_path):
    photos = shutil.copytree(folder, tmp_path / "photos")
    broken = "train/dark/0.png", "train/dark/2.png", "train/bright/1.png", "train/bright/3.png", "test/bright/1.png"
    for name in broken:
        (photos / name).write_bytes(b"")
    skipping = ["--data", f"folder:{photos}", "--workers", "0", "--on-error", "skip", "--out", tmp_path / "run"]
    code, said = ended(torchrun(2, *COMMAND, *skipping))
    assert code == 0, said
    log = (tmp_path / "run" / "log.txt").read_text()
    assert {name: log.count(f"left out: {name}") for name in broken} == dict(zip(broken, (2, 2, 2, 2, 1), strict=True))


def test_shards_may_be_cut_and_kept_in_memory(packed, tmp_path, capsys):
    words = ["train", "--network", "se_resnet8", "--data", f"shards:{packed}", "--out", str(tmp_path), "--dry-run"]
    plans = []
    for extra in ([], ["--train-fraction", "0.5"], ["--in-memory", "yes", "--image-size", "16"]):
        assert run([*words, "--epochs", "1", "--batch-size", "2", "--json", *extra]) == 0
        plans.append(json.loads(capsys.readouterr().out))
    assert [plan["steps"] for plan in plans] == [23, 12, 23]  # of 47 images the last joins a step
    assert [plan["input"] for plan in plans] == [[3, 20, 24], [3, 20, 24], [3, 16, 16]]
