import json
import os
import subprocess
import sys

import pytest
import torch
import torchvision

import own_net
from senet.accounting import cost
from senet.cli import run
from senet.errors import UsageError
from senet.models import rebuild

SMALL = ["torchvision:shufflenet_v2_x0_5", "SE(reduction=4)", "--example", "1,3,64,64"]
USER = (
    own_net.text()
    + """
class Fickle(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > -1e9 else x
"""
)


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A user's folder with a module, entered; what the command adds to the path is taken off again."""
    (tmp_path / "usernet.py").write_text(USER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "usernet", raising=False)
    yield ["usernet:Net", "SE(reduction=4)", "--example", "1,3,16,16"]
    sys.modules.pop("usernet", None)


def printed(capsys, arguments):
    assert run(["insert", *arguments]) == 0
    return capsys.readouterr().out


def data(capsys, arguments):
    return json.loads(printed(capsys, [*arguments, "--json"]))


def rows(text):
    return {" ".join(line.split()) for line in text.splitlines()}


def test_tables(capsys):
    out = printed(capsys, [*SMALL, "--stages", "4,5", "--init", "preserve", "--dry-run"])
    assert out.splitlines()[0].rstrip() == "torchvision:shufflenet_v2_x0_5: SE(reduction=4) in 12 places, standard"
    assert {
        "before 1,366,792 4,244,608 179,328 7,968,768",
        "Blocks, init preserve, in concat units",
        "stage3.0 4 96 4 x 4 4,728 4,608",
        "stage4.3 5 192 2 x 2 18,672 18,432",
        "counted: on 3 x 64 x 64",
        "weights: random, seed 0; pass --weights FILE for trained ones",
        "outputs: on the example bit-identical to those before",
        "dry run: nothing written",
    } <= rows(out)
    assert "stage2.0" not in out


def test_the_blocks_costs_add_up_to_the_difference(capsys):
    found = data(capsys, [*SMALL, "--dry-run"])
    assert {key: sum(p["cost"][key] for p in found["places"]) for key in found["difference"]} == found["difference"]
    assert found["difference"] == found["attention_share"]
    plain = cost(torchvision.models.shufflenet_v2_x0_5(), (3, 64, 64))
    assert found["before"]["multiply_adds"] == plain.multiply_adds
    assert found["before"]["parameters"] + found["difference"]["parameters"] == found["after"]["parameters"]


PAPER = "SE.paper(reduction=16)"


def test_parameters_of_the_papers_se_resnet50(capsys):
    small = ["--example", "1,3,32,32", "--dry-run"]
    assert data(capsys, ["torchvision:resnet50", PAPER, *small])["after"]["parameters"] == 28_071_976


def test_what_is_written_rebuilds_the_model(capsys, tmp_path):
    out = tmp_path / "with_se"
    torch.manual_seed(5)
    old = torchvision.models.shufflenet_v2_x0_5(num_classes=7)
    torch.save({"state_dict": {f"module.{k}": v for k, v in old.state_dict().items()}}, tmp_path / "w.pth")
    weights = ["--weights", str(tmp_path / "w.pth"), "--classes", "7"]
    found = data(capsys, [*SMALL, *weights, "--init", "preserve", "--out", str(out)])
    assert found["folder"] == str(out)
    assert found["outputs"]["equal"] is True
    assert sorted(path.name for path in out.iterdir()) == ["model.toml", "weights.safetensors"]
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(rebuild(out).eval()(x), old.eval()(x))


def test_equal_calls_write_equal_files(user, capsys, tmp_path):
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        torch.manual_seed(ord(name))  # the blocks' weights go by --seed, too
        printed(capsys, [*user, "--seed", seed, "--out", name])
    a, b, c = [(tmp_path / name / "weights.safetensors").read_bytes() for name in "abc"]
    assert a == b
    assert a != c


def test_trained_weights_with_the_papers_initialisation_get_a_hint(capsys, tmp_path):
    state = torchvision.models.shufflenet_v2_x0_5().state_dict()
    torch.save(state, tmp_path / "w.pth")
    tensors = sum(not name.endswith("num_batches_tracked") for name in state)
    words = [*SMALL, "--weights", str(tmp_path / "w.pth"), "--init", "paper", "--dry-run"]
    out = " ".join(printed(capsys, words).split())
    assert f"weights: {tensors} tensors loaded from {tmp_path / 'w.pth'}" in out
    assert "differ on the example by up to" in out
    assert "--init preserve keeps them as they are" in out


def test_places_alone(capsys):
    out = printed(capsys, ["torchvision:resnet18", "--example", "1,3,32,32", "--where", "conv3x3", "--stages", "5"])
    assert out.splitlines()[0].rstrip() == "torchvision:resnet18: 2 places, conv3x3, in residual units"
    assert "layer4.1.bn1 5 512 1 x 1" in rows(out)
    assert "--where takes standard (8), pre (8), post (8), identity (8), conv3x3 (8)," in out
    found = data(capsys, ["torchvision:resnet18", "--example", "1,3,32,32"])
    assert [place["stage"] for place in found["places"]] == [2, 2, 3, 3, 4, 4, 5, 5]
    assert found["strategies"] == {"standard": 8, "pre": 8, "post": 8, "identity": 8, "conv3x3": 8}


def test_a_users_own_model_is_found_in_the_current_folder(user, capsys):
    found = data(capsys, [*user, "--out", "out"])
    assert [place["name"] for place in found["places"]] == ["bn"]
    with pytest.raises(UsageError, match="nothing is imported"):
        rebuild("out")
    import usernet

    assert "bn_attention.fc1.weight" in rebuild("out", factory=usernet.Net).state_dict()


def test_a_model_that_branches_on_values_has_its_parameters_counted(user, capsys):
    arguments = ["usernet:Fickle", *user[1:], "--dry-run"]
    out = printed(capsys, arguments)
    assert "multiply-adds: cannot be counted without data" in out
    assert "difference +148" in rows(out)
    assert data(capsys, arguments)["difference"] == {"parameters": 148}


def test_an_insertion_into_attention_needs_again(capsys):
    arguments = ["senet:se_resnet8", "SE(reduction=4)", "--where", "post", "--example", "1,3,32,32", "--dry-run"]
    assert run(["insert", *arguments]) == 2
    assert "--again" in capsys.readouterr().err
    assert len(data(capsys, [*arguments, "--again"])["places"]) == 3


REFUSED = {
    "no spec": (["--out", "out"], 2, "no attention is given"),
    "nowhere": (["SE"], 2, "pass --out DIR, or --dry-run"),
    "no attention": (["none", "--dry-run"], 2, "not an attention to insert"),
    "unknown spec": (["SR()", "--dry-run"], 2, "no attention is called 'SR'"),
    "unknown init": (["SE", "--init", "papre", "--dry-run"], 2, "preserve"),
    "unknown stage": (["SE", "--stages", "9", "--dry-run"], 2, "stages are"),
    "words for stages": (["SE", "--stages", "all", "--dry-run"], 2, "write it as --stages 3,4"),
    "words for shape": (["SE", "--example", "1x3", "--dry-run"], 2, "write it as --example 1,3,224,224"),
    "no place": (["SE", "--where", "pre", "--dry-run"], 2, "no unit with such a place"),
    "glob of nothing": (["SE", "--where", "layer*", "--dry-run"], 2, "candidates: "),
    "cannot preserve": (
        ["SE(gate='relu',bias=False)", "--init", "preserve", "--dry-run"],
        2,
        'insert it with --init paper (init="paper")',
    ),
    "no weights": (["SE", "--weights", "nowhere.pth", "--dry-run"], 4, "nowhere.pth"),
    "other weights": (["SE", "--weights", "other.pth", "--out", "out"], 4, "1 missing"),
    "other classes": (
        ["SE", "--weights", "seven.pth", "--classes", "9", "--out", "out"],
        4,
        "fc.weight (9, 1024); in the file: fc.weight (7, 1024)",
    ),
    "a file for a folder": (["SE", "--out", "other.pth"], 6, "cannot write"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    state = torchvision.models.shufflenet_v2_x0_5().state_dict()
    torch.save({k: v for k, v in state.items() if k != "fc.bias"}, folder / "other.pth")
    torch.save(torchvision.models.shufflenet_v2_x0_5(num_classes=7).state_dict(), folder / "seven.pth")
    return folder


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_call_is_a_short_error_and_leaves_nothing(case, files, capsys, monkeypatch):
    monkeypatch.chdir(files)
    arguments, code, said = REFUSED[case]
    shape = [] if "--example" in arguments else SMALL[2:]
    assert run(["insert", SMALL[0], *arguments, *shape]) == code
    captured = capsys.readouterr()
    assert said in captured.err + captured.out
    assert "Traceback" not in captured.err
    assert sorted(os.listdir(files)) == ["other.pth", "seven.pth"]


def test_a_folder_that_holds_a_model_is_left_alone(tmp_path, capsys):
    (tmp_path / "model.toml").write_text("trained for weeks")
    assert run(["insert", *SMALL, "--out", str(tmp_path)]) == 2
    assert "holds a model already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.toml"]


def test_a_folder_of_the_users_outlives_a_failure(tmp_path):
    assert run(["insert", "torchvision:shufflenet", "SE", "--out", str(tmp_path)]) == 2
    assert tmp_path.is_dir()


@pytest.mark.slow
def test_as_a_program(user, tmp_path):
    command = [sys.executable, "-m", "senet", "insert", *user, "--dry-run", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["attention"]["reduction"] == 4
