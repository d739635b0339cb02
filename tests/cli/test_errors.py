import builtins
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from senet.cli import run

TINY = ["--epochs", "1", "--seeds", "1", "--train-fraction", "0.05", "--variants", "none"]
TINY += ["--precision", "float32", "--threads", "1"]


WHOLE = [word for word in TINY if word not in ("--train-fraction", "0.05")]


def folder(root, broken=False):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for i in range(4):
                Image.new("RGB", (8, 8), (i, 0, 0)).save(root / split / name / f"{i}.png")
    if broken:
        (root / "train" / "dog" / "2.png").write_bytes(b"<html>")
    return root


def data(root):
    return ["compare", "--data", f"folder:{root}"]


CASES = {
    "unknown network": (["compare", "--network", "resnet9"], 2, ["'resnet9'", "did you mean"]),
    "unknown spec": (["compare", "--variants", "none", "CBAN()"], 2, ["'CBAN'", "CBAM"]),
    "misspelt field": (["compare", "--variants", "SE(reducton=4)"], 2, ["'reducton'", "did you mean reduction?"]),
    "impossible reduction": (
        ["compare", "--variants", "none", "SE(reduction=64)"],
        2,
        [
            "16 channels at reduction=64 leave 0 hidden units",
            "variant SE(reduction=64) of resnet8",
            "16 is the largest",
        ],
    ),
    "groups": (["compare", "--variants", "SK(groups=7)"], 2, ["does not divide into 7 groups", "for instance 4"]),
    "one variant twice": (["compare", "--variants", "SE", "SE()"], 2, ["are the same"]),
    "unknown data": (["compare", "--data", "digist"], 2, ["did you mean digits"]),
    "misspelt flag": (["compare", "--netwrk", "resnet8"], 2, ["--network"]),
    "unknown choice": (["compare", "--schedule", "cosin"], 2, ["cosine"]),
    "no folder": (["compare", "--data", "folder:/nowhere"], 3, ["no such folder\n/nowhere\n", "train/<class>/*.jpg"]),
    "bad recipe": (["compare", "--epochs", "0"], 2, ["epochs=0"]),
    "unknown model pattern": (["models", "*vit*"], 2, ["no network matches"]),
    "cost of an unknown network": (["cost", "resnet51"], 2, ["did you mean"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_call_is_a_short_error_with_its_exit_code(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, code, parts = CASES[case]
    assert run(arguments) == code
    error = capsys.readouterr().err
    for part in parts:
        assert part in error
    assert "Traceback" not in error
    assert len(error.splitlines()) <= 6


def test_a_corrupt_image_is_named(tmp_path, capsys):
    root = folder(tmp_path / "data", broken=True)
    assert run([*data(root), *WHOLE, "--out", str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert error.splitlines()[1].startswith("train/dog/2.png (sample ")


def test_an_empty_folder_is_named(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    assert run([*data(tmp_path / "data"), *TINY, "--out", str(tmp_path)]) == 3
    assert str(tmp_path / "data") in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_found_first(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(["compare", *TINY, "--out", str(tmp_path / "file")]) == 6
    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.usefixtures("trials_here")
def test_divergence_is_exit_5_and_the_traceback_goes_to_the_log(tmp_path, capsys):
    assert run(["compare", *TINY, "--lr", "1e30", "--out", str(tmp_path), "--name", "d"]) == 5
    error = capsys.readouterr().err
    assert "at learning rate" in error
    assert "none, seed 0, epoch 1, step" in error
    assert "Traceback" not in error
    assert "Traceback" in (tmp_path / "d" / "log.txt").read_text()


def test_a_dry_run_trains_nothing(tmp_path, capsys):
    assert run(["compare", "--dry-run", "--precision", "float32", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "32 trials: 4 variants x 8 seeds of resnet8" in out
    assert "0.00781" in out
    assert not list(tmp_path.rglob("*.json"))


def test_json_goes_to_standard_output_alone(tmp_path, capsys):
    assert run(["compare", *TINY, "--json", "--out", str(tmp_path)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["rows"][0]["variant"] == "none"
    assert summary["folder"].startswith(str(tmp_path))


def test_models_are_listed_with_their_attention(capsys):
    assert run(["models", "se_resnet5?"]) == 0
    heading, _, *rows = map(str.split, capsys.readouterr().out.splitlines()[:4])
    assert heading == ["network", "image", "classes", "parameters", "attention"]
    assert rows[0] == ["se_resnet50", *["3", "x", "224", "x", "224"], "1,000", "28,088,024", "SE()"]
    assert rows[1][-2:] == ["866,248", "SE(reduction=8)"]
    assert run(["models", "se_resnet50", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["se_resnet50"]
    assert found.pop("attention")["kind"] == "SE"
    assert found == {"input_size": [3, 224, 224], "classes": 1000, "parameters": 28_088_024}


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch, capsys):
    original = builtins.__import__

    def without_cyclopts(name, *rest):
        if name.split(".")[0] == "cyclopts":
            raise ModuleNotFoundError("No module named 'cyclopts'", name="cyclopts")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_cyclopts)
    assert run(["models"]) == 2
    assert "pip install 'senet[cli]'" in capsys.readouterr().err


def test_a_closed_pipe_leaves_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "senet", "models"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


# Linux has this device; where it is missing, a full disk cannot be had without a file system of one's own.
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk_under_standard_output_is_exit_6():
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "senet", "models"], stdout=full, stderr=subprocess.PIPE, text=True)
    do = "free space, or write to another file"
    assert done.stderr == f"error: cannot write to standard output: No space left on device\n{do}\n"
    assert done.returncode == 6


@pytest.mark.parametrize("arguments", [["weights", "inspect"], ["evaluate", "--data", "digits"]])
def test_row_16_codes_in_the_name_of_a_file_are_spelt_out(arguments, capsys):
    assert run([*arguments, "\x1b[31mno\nwhere.safetensors"]) == 4
    error = capsys.readouterr().err
    assert r"\x1b[31mno\nwhere.safetensors" in error
    assert "\x1b" not in error


def test_a_path_that_the_system_refuses_is_an_error_that_names_it(capsys):
    assert run(["evaluate", "a" * 300 + ".safetensors", "--data", "digits"]) == 6
    error = capsys.readouterr().err
    assert error.startswith("error: File name too long\naaa")
    assert "Traceback" not in error


def test_an_error_of_the_system_without_a_file_is_ours_and_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("senet.data.check.check.check", lambda *arguments, **named: os.kill(2**22, 0))
    with pytest.raises(ProcessLookupError):
        run(["data", "check", "/"])
