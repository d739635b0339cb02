"""The job that people come for: weights that somebody trained, attention in them, images of other classes."""

import json
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from shapes import COLOURS

import own_net
import senet
from senet.attention import SE
from senet.cli import run
from senet.insertion import blocks
from senet.models import ModelRequest, StartConfig, begin, rebuild

NETWORK, SPEC = "torchvision:shufflenet_v2_x0_5", "SE(reduction=16)"
STILL = ["--epochs", "1", "--batch-size", "6", "--lr", "0", "--precision", "float32", "--threads", "1"]
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # which move where no weight does


def called(capsys, arguments, code=0):
    capsys.readouterr()
    found = run([*map(str, arguments)])
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def shuffle_of(classes, seed=1):
    torch.manual_seed(seed)
    return torchvision.models.shufflenet_v2_x0_5(num_classes=classes)


def saved(model, path):
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def trained_elsewhere(tmp_path_factory):
    """Weights of seven classes, as a training script leaves them."""
    return saved(shuffle_of(7), tmp_path_factory.mktemp("elsewhere") / "seven.pth")


def require_trunk(model_or_state, weights):
    """Every tensor of the file but the classifier's and the statistics is in the model, bit for bit."""
    state = model_or_state if isinstance(model_or_state, dict) else model_or_state.state_dict()
    file = torch.load(weights, weights_only=True)
    kept = [name for name in file if not name.startswith("fc.") and not name.endswith(STATISTICS)]
    assert len(kept) > 100
    for name in kept:
        assert torch.equal(state[name], file[name]), name


def test_weights_of_other_classes_are_refined_with_attention_in_one_command(
    trained_elsewhere, photos, tmp_path, capsys
):
    words = ["train", "--network", NETWORK, "--weights", trained_elsewhere, "--attention", SPEC]
    words += ["--data", f"folder:{photos}", *STILL, "--out", tmp_path / "run"]
    _, err = called(capsys, words, code=4)
    assert "fc.weight (3, 1024); in the file: fc.weight (7, 1024)" in err
    remedy = next(line for line in err.splitlines() if "--head new" in line)
    assert remedy.startswith("to train with other classes than these 7, senet train --head new (")
    called(capsys, [*words, "--head", "new"])
    opened = senet.load(tmp_path / "run" / "weights" / "last.safetensors")
    assert (opened.outputs, opened.labels.names) == (3, tuple(COLOURS))
    assert {block.spec for block in blocks(opened.model).values()} == {SE(reduction=16)}
    assert {block.init for block in blocks(opened.model).values()} == {"preserve"}
    require_trunk(opened.model, trained_elsewhere)


def test_a_folder_of_insert_is_refined_with_a_fresh_classifier_on_its_own_trunk(
    trained_elsewhere, photos, tmp_path, capsys
):
    """It has as many classes as the data, by chance: a new head is new all the same."""
    three, folder = saved(shuffle_of(3), tmp_path / "three.pth"), tmp_path / "with"
    called(capsys, ["insert", NETWORK, SPEC, "--weights", three, "--example", "1,3,24,24", "--out", folder])
    fresh = begin(ModelRequest(str(folder), start=StartConfig(head="new")), 3, (3, 24, 24))
    kept = begin(ModelRequest(str(folder)), 3, (3, 24, 24))
    before, new, old = rebuild(folder).state_dict(), fresh.model.state_dict(), kept.model.state_dict()
    assert (fresh.fresh, kept.fresh) == (("fc",), ())
    assert {name for name in before if not torch.equal(new[name], before[name])} == {"fc.weight", "fc.bias"}
    assert all(torch.equal(old[name], before[name]) for name in before)
    words = ["train", "--network", folder, "--head", "new", "--data", f"folder:{photos}", *STILL]
    called(capsys, [*words, "--out", tmp_path / "run"])
    after = load_file(tmp_path / "run" / "weights" / "last.safetensors")
    assert torch.equal(after["fc.weight"], new["fc.weight"]), "of the run's seed"
    require_trunk(after, three)


def test_an_insertion_gives_weights_another_classifier(trained_elsewhere, tmp_path, capsys):
    words = ["insert", NETWORK, SPEC, "--weights", trained_elsewhere, "--example", "1,3,32,32", "--out", tmp_path / "a"]
    called(capsys, words)
    assert rebuild(tmp_path / "a").fc.out_features == 7, "whatever the weights have, where nobody says"
    words[-1] = tmp_path / "b"
    _, err = called(capsys, [*words, "--head", "new"], code=2)
    assert "--head new needs a number of classes\npass --classes N" in err
    called(capsys, [*words, "--head", "new", "--classes", "10"])
    model = rebuild(tmp_path / "b")
    assert model.fc.out_features == 10
    require_trunk(model, trained_elsewhere)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Weights of three classes that move no image's answer by chance alone: the norms have seen something."""
    model = shuffle_of(3)
    with torch.no_grad():
        model(torch.randn(16, 3, 64, 64))
    folder = tmp_path_factory.mktemp("three")
    (folder / "names.json").write_text(json.dumps(sorted(COLOURS)))
    return saved(model, folder / "three.pth")


def scored(capsys, photos, words, three):
    names = three.with_name("names.json")
    out, _ = called(capsys, ["evaluate", *words, "--data", f"folder:{photos}", "--classes", names, "--json"])
    found = json.loads(out)
    return found["loss"], found["top1"], found["classes"]


def test_attention_in_trained_weights_changes_no_score_before_training(three, photos, tmp_path, capsys):
    words = ["insert", NETWORK, SPEC, "--weights", three, "--example", "1,3,64,64"]
    called(capsys, [*words, "--out", tmp_path / "with"])
    called(capsys, [*words, "--init", "paper", "--out", tmp_path / "paper"])
    plain = scored(capsys, photos, [three, "--network", NETWORK], three)
    assert scored(capsys, photos, [tmp_path / "with"], three) == plain
    assert scored(capsys, photos, [tmp_path / "paper"], three)[0] != plain[0]


@pytest.mark.parametrize("command", ["train", "insert", "compare"])
def test_attention_that_would_change_trained_weights_is_refused_with_the_flag_that_allows_it(
    command, three, photos, tmp_path, capsys
):
    spec = "SE(gate='relu', bias=False)"
    words = {
        "train": ["--network", NETWORK, "--attention", spec, "--data", f"folder:{photos}", *STILL],
        "insert": [NETWORK, spec, "--example", "1,3,32,32"],
        "compare": ["--network", NETWORK, "--attention", spec, "--data", f"folder:{photos}", "--seeds", "1", *STILL],
    }[command]
    words = [command, *words, "--weights", three, "--out", tmp_path / "out"]
    _, err = called(capsys, words, code=2)
    assert "relu" in err
    assert err.splitlines()[-1] == 'insert it with --init paper (init="paper")'
    called(capsys, [*words, "--init", "paper", "--dry-run"])


def test_a_network_that_would_have_more_than_one_head_is_trained_without_a_flag(photos, tmp_path, capsys):
    """GoogLeNet's auxiliary heads are torchvision's default in training; without them it returns logits."""
    words = ["train", "--network", "torchvision:googlenet", "--data", f"folder:{photos}", *STILL]
    called(capsys, [*words, "--out", tmp_path / "run"])
    opened = senet.load(tmp_path / "run" / "weights" / "last.safetensors")
    assert (opened.outputs, opened.model.aux1, opened.model.aux_logits) == (3, None, False)


OWN = (
    own_net.text(width=8, classes=3, stride=2)
    + """
from senet import SE, insert

def gated():
    return insert(Net(), SE(reduction=4), example=(1, 3, 24, 24))
"""
)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of a user's with a file of networks, entered."""
    (tmp_path / "pretrained_nets.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # what the command adds to it is taken off again
    monkeypatch.delitem(sys.modules, "pretrained_nets", raising=False)
    yield
    sys.modules.pop("pretrained_nets", None)


@pytest.mark.parametrize("name", ["pretrained_nets:gated", "pretrained_nets.py:gated"])
def test_a_function_that_inserts_attention_is_trained_and_scored_with_its_blocks_once(own, name, photos, capsys):
    quick = ["--epochs", "1", "--batch-size", "6", "--precision", "float32", "--threads", "1"]
    called(capsys, ["train", "--network", name, "--data", f"folder:{photos}", *quick, "--out", "run"])
    last = "run/weights/last.safetensors"
    data = ["--data", f"folder:{photos}", "--split", "test"]
    _, err = called(capsys, ["evaluate", last, *data], code=2)
    *_, remedy = err.splitlines()
    assert f"--network {name}" in remedy
    out, _ = called(capsys, ["evaluate", last, "--network", name, *data, "--json"])
    test = json.loads(Path("run/result.json").read_text())["test"]
    assert (json.loads(out)["top1"], json.loads(out)["loss"]) == (test["top1"], pytest.approx(test["loss"]))
    model = senet.load(last, network=name).model
    assert [*blocks(model)] == ["bn_attention"]
    assert set(load_file(last)) == set(model.state_dict())


def test_attention_beside_a_function_that_inserts_it_is_refused(own, photos, capsys):
    words = ["train", "--network", "pretrained_nets.py:gated", "--data", f"folder:{photos}", *STILL]
    _, err = called(capsys, [*words, "--attention", "SE", "--out", "run"], code=2)
    assert "pretrained_nets.py:gated has attention already" in err
    assert "name a network without it; to take this one as it is, leave --attention out of senet train" in err


def test_the_trunk_waits_and_the_blocks_have_their_own_rate(trained_elsewhere, photos, tmp_path, capsys):
    words = ["train", "--network", NETWORK, "--weights", trained_elsewhere, "--head", "new", "--attention", SPEC]
    words += ["--data", f"folder:{photos}", "--batch-size", "6", "--precision", "float32", "--threads", "1"]
    called(capsys, [*words, "--epochs", "1", "--freeze-trunk", "1", "--out", tmp_path / "waits"])
    waits = load_file(tmp_path / "waits" / "weights" / "last.safetensors")
    file = torch.load(trained_elsewhere, weights_only=True)
    trunk = {name for name in file if not name.startswith("fc.") and not name.endswith("num_batches_tracked")}
    assert {name for name in trunk if not torch.equal(waits[name], file[name])} == set(), "statistics too"
    model = begin(ModelRequest(NETWORK, SPEC, start=StartConfig(str(trained_elsewhere), "new")), 3, (3, 24, 24)).model
    begun, parameters = model.state_dict(), [name for name, _ in model.named_parameters()]
    counted = {name for name in waits if name.endswith("num_batches_tracked")}
    moved = {name for name in waits.keys() - counted if not torch.equal(waits[name], begun[name])}
    assert moved == {name for name in parameters if "attention." in name or name.startswith("fc.")}
    called(capsys, [*words, "--epochs", "1", "--lr", "1e-3", "--inserted-lr", "0", "--out", tmp_path / "still"])
    still = load_file(tmp_path / "still" / "weights" / "last.safetensors")
    assert all(torch.equal(still[name], begun[name]) for name in still if "attention." in name)
    assert not torch.equal(still["conv1.0.weight"], begun["conv1.0.weight"])


@pytest.mark.usefixtures("trials_here")
def test_weights_are_compared_with_and_without_attention_and_a_study_of_them_resumes(photos, tmp_path, capsys):
    weights = saved(shuffle_of(7), tmp_path / "w.pth")
    words = ["compare", "--network", NETWORK, "--weights", weights, "--head", "new", "--variants", "none", SPEC]
    words += ["--data", f"folder:{photos}", "--seeds", "2", "--epochs", "1", "--batch-size", "18", "--out", tmp_path]
    words += ["--freeze-trunk", "1", "--precision", "float32", "--threads", "1", "--workers", "1", "--name", "study"]
    out, _ = called(capsys, [*words, "--json"])
    assert [(row["variant"], row["n"]) for row in json.loads(out)["rows"]] == [("none", 2), (SPEC, 2)]
    plain, attended = (one_of(tmp_path / "study", variant, capsys) for variant in ("none", SPEC))
    require_trunk(plain, weights)
    require_trunk(attended, weights)
    assert len(blocks(attended)) == 16
    _, err = called(capsys, [*words, "--json"])
    assert "4 of 4 trials are finished already" in err
    out, _ = called(capsys, [*words, "--dry-run"])
    assert "0 trials to run" in out
    words[4] = saved(shuffle_of(7), tmp_path / "elsewhere.pth")
    assert "0 trials to run" in called(capsys, [*words, "--dry-run"])[0], "the same weights, wherever they lie"
    saved(shuffle_of(7, seed=2), words[4])
    assert "4 trials to run" in called(capsys, [*words, "--dry-run"])[0], "other weights under the same path"


def one_of(study, variant, capsys):
    """Return the model of a study's first trial of a variant."""
    results = (json.loads(path.read_text())["result"] for path in sorted((study / "trials").glob("*.json")))
    key = next(result["key"] for result in results if result["variant"] == variant)
    return senet.load(study / "weights" / f"{key}.safetensors").model
