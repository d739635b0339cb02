"""Every command that reads data reads shards at an address, and says what to do where it cannot."""

import json
import shlex
import shutil

import fsspec
import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem
from shapes import read

from senet.cli import run

URL = "memory://shelf/shapes"
QUICK = ("--epochs", "1", "--batch-size", "6", "--precision", "float32", "--threads", "1", "--image-size", "24")


@pytest.fixture(scope="module")
def packed(photos, tmp_path_factory):
    root = tmp_path_factory.mktemp("packed") / "shards"
    assert run(["data", "pack", str(photos), "--out", str(root), "--samples-per-shard", "10"]) == 0
    return root


@pytest.fixture(params=["memory", "file"])
def address(request, packed, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = fsspec.filesystem("memory")
    for path in packed.iterdir():
        files.pipe(f"/shelf/shapes/{path.name}", path.read_bytes())
    shutil.copytree(packed, tmp_path / "shapes")
    yield {"memory": URL, "file": (tmp_path / "shapes").as_uri()}[request.param]
    files.rm("/shelf", recursive=True)


def test_training_and_scoring(address, packed, tmp_path, capsys):
    words = ["train", "--network", "resnet8", *QUICK]
    for place, out in ((address, "there"), (packed, "here")):
        assert run([*words, "--data", f"shards:{place}", "--out", str(tmp_path / out)]) == 0
    there, here = (read(tmp_path / out / "weights" / "last.safetensors")[1] for out in ("there", "here"))
    assert all(torch.equal(there[name], here[name]) for name in here)
    scored = []
    for place in (address, packed):
        capsys.readouterr()
        words = ["evaluate", str(tmp_path / "there" / "weights" / "last.safetensors"), "--json"]
        assert run([*words, "--data", f"shards:{place}"]) == 0
        scored.append(json.loads(capsys.readouterr().out))
    assert scored[0]["top1"] == scored[1]["top1"]


def test_a_check(address, capsys):
    run(["data", "check", f"shards:{address}"])
    said = capsys.readouterr()
    assert f"{address}: copying " in said.err
    assert "3 classes" in said.out
    assert address in "".join(said.out.split())


def test_a_plan(address, tmp_path, capsys):
    words = ["compare", "--network", "resnet8", "--attention", "SE(reduction=4)", "--seeds", "1", *QUICK, "--dry-run"]
    assert run([*words, "--data", f"shards:{address}", "--out", str(tmp_path / "study")]) == 0
    assert "2 trials to run" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["memory"], indirect=True)
def test_no_answer_is_told_a_remedy_that_can_be_typed(address, tmp_path, monkeypatch, capsys):
    words = ["train", "--network", "resnet8", *QUICK, "--dry-run", "--out", str(tmp_path / "run"), "--data"]
    assert run([*words, f"shards:{address}"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "cat_file", lambda *arguments: 1 / 0)
        capsys.readouterr()
        assert run([*words, f"shards:{address}"]) == 3
    remedy = " ".join(capsys.readouterr().err.split()).partition("--data ")[2]
    assert run([*words, shlex.split(remedy)[0]]) == 0


def test_an_address_that_nothing_reads_is_a_mistake_of_use(capsys):
    assert run(["data", "check", "shards:what://is/this"]) == 2
    assert "Protocol not known: what" in capsys.readouterr().err
