"""Every command on every kind of network: it works on the right model, or is refused with advice that works.

The table in README.md is drawn from the same kinds; `python tests/cli/test_commands_by_networks.py` prints it.
"""

import contextlib
import io
import json
import re
import shlex
import tempfile

import pytest
from kinds import COMMANDS, KINDS, OWN, SPEC, TESTNET, se, table
from matrix import COLOURS, QUICK, calling, marked, printed

from senet.cli import run


@pytest.fixture(scope="module")
def home(photos, tmp_path_factory):
    """A folder with photos, weights of every kind of network, and what senet makes of them."""
    import timm
    import torch
    from torchvision.models import squeezenet1_1

    from senet.networks import create

    home, own = tmp_path_factory.mktemp("home"), {}
    (home / "photos").symlink_to(photos)
    (home / "own.py").write_text(OWN)
    (home / "classes.json").write_text(json.dumps(COLOURS))
    exec(OWN, own)
    models = {"ours": create("resnet8", num_classes=3), "theirs": squeezenet1_1(num_classes=3)}
    models |= {"timm": timm.create_model("test_resnet", num_classes=3), "own": own["net"]()}
    for name, model in models.items():
        torch.save(marked(model), home / f"{name}.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert run([*inserting(TESTNET, "with_se"), "--weights", "timm.pth"]) == 0
        assert run(["weights", "convert", "ours.pth", "--network", "resnet8", "--out", "ours.safetensors"]) == 0
    return home


@pytest.fixture
def senet(home, capsys, monkeypatch):
    """Run a command; where it is refused, run what its error advises instead. Returns what it printed."""
    return calling(home, capsys, monkeypatch, advised)


def advised(words, advice):
    """Return the command with the flags that an error's last line names, another network in the place of the first."""
    if "adds attention" in advice:
        return with_attention(words, advice)
    flags = re.findall(r"(--network|--weights|--again)(?: ([^\s;,()]+))?", advice)
    assert flags, advice
    said = [word.replace("FILE", "timm.pth") for flag in flags for word in flag if word]
    replaced = {*said, "--network", *(kind.name for kind in KINDS)} if "--network" in said else ()
    return [*(word for word in words if word not in replaced), *said]


def with_attention(words, advice):
    """Add a flag, or insert first and name what was written."""
    typed, then = re.fullmatch(r"(.*) adds attention(?:; then senet (.*))?", advice).groups()
    if then is None:
        return [*words, *shlex.split(typed)]
    kept = "with_se", f"{tempfile.mkdtemp()}/gates"  # the home has its own of the first name
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(shlex.split(typed.replace(*kept))[1:]) == 0
    return [*shlex.split(then.replace(*kept)), *words[words.index("--data") :]]


def inserting(name, out):
    return ["insert", name, SPEC, "--example", "1,3,32,32", "--out", str(out)]


def planning(command, kind, tmp):
    words = ["--network", kind.name, "--data", "folder:photos", "--image-size", "32", "--out", str(tmp)]
    return [command, *words, *QUICK, "--dry-run"]


def require_opens(senet, kind, written, parameters):
    """A file says what it is of, and nothing is imported from it: a function has to be named again."""
    function = kind.name == "own.py:net"
    found = json.loads(senet("cost", str(written), "--size", "32", "--json", refused=function))
    assert found["cost"]["parameters"] == parameters


def train(senet, kind, refused, tmp):
    plan = json.loads(senet(*planning("train", kind, tmp), "--json", refused=refused))
    assert (plan["network"], plan["parameters"]) == (kind.title, kind.parameters)


def compare(senet, kind, refused, tmp):
    said = senet(*planning("compare", kind, tmp), "--seeds", "1", "--attention", SPEC, refused=refused)
    name = TESTNET if refused else kind.name
    assert said.startswith(f"2 trials: 2 variants x 1 seed of {name}\n")
    assert "\nprecision float32: given\n" in said
    assert f"note: attention: {SPEC} inserted in" in said or kind.name == "resnet8"  # that fills its slots
    assert ("/timm.pth" in said) == refused


def evaluate(senet, kind, refused, tmp):
    words = [*kind.weights, "--classes", "classes.json", "--data", "folder:photos", "--json"]
    found = json.loads(senet("evaluate", *words, refused=refused))
    assert found["model"] == kind.title
    assert [one["accuracy"] for one in found["classes"]] == [0, 0, 100]


def predict(senet, kind, refused, tmp):
    words = [*kind.weights, "--classes", "classes.json", "--top", "1", "--format", "csv"]
    heading, row = senet("predict", *words, "photos/test/blue/0.png", refused=refused).splitlines()
    assert heading.startswith("image,")
    assert re.search(r",red,(1\.0|0\.99)", row)


def excite(senet, kind, refused, tmp):
    words = ["--data", "folder:photos", "--classes", "red", "--out", str(tmp), "--json"]
    for which in dict.fromkeys([(kind.name,), tuple(kind.weights)]):
        found = json.loads(senet("excite", *which, *words, refused=refused))
        assert found["title"].startswith(kind.title)
        assert [group["images"] for group in found["groups"]] == [13, 4]
        assert {gate["kind"] for gate in found["gates"]} == {"channels"}
        assert se(*(channels for gate in found["gates"] for channels in gate["shape"])) == kind.blocks


def cost(senet, kind, refused, tmp):
    sized = ["--classes", "3"] * kind.sized
    found = json.loads(senet("cost", kind.name, "--size", "32", *sized, "--json", refused=refused))
    without = found["without_attention"]
    assert found["cost"]["parameters"] == kind.parameters
    assert (without and without["parameters"]) == (kind.parameters - kind.blocks if "inserted" in kind.title else None)


def insert(senet, kind, refused, tmp):
    words = [*inserting(kind.name, tmp / "out"), *["--classes", "3"] * kind.sized, "--json"]
    made = json.loads(senet(*words, refused=refused))["after"]["parameters"]
    assert made == kind.parameters + kind.blocks
    require_opens(senet, kind, tmp / "out", made)


def weights(senet, kind, refused, tmp):
    out = tmp / "out.safetensors"
    said = senet("weights", "convert", *kind.weights, "--out", str(out), refused=refused)
    assert said.endswith(f"; written to {out}\n")
    require_opens(senet, kind, out, kind.parameters)
    one, other = (json.loads(senet("weights", "inspect", str(path), "--json")) for path in (kind.weights[0], out))
    assert one["parameters"] == other["parameters"] >= kind.parameters


CALLS = (train, compare, evaluate, predict, excite, cost, insert, weights)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_every_command_takes_every_network_or_says_what_to_type(call, kind, senet, tmp_path):
    call(senet, kind, call.__name__ in dict(kind.refused), tmp_path)


def test_the_table_in_the_readme_is_drawn_from_what_is_tested():
    assert tuple(call.__name__ for call in CALLS) == COMMANDS
    assert printed("commands x networks") == table()


if __name__ == "__main__":
    print(table())
