# A block of the user's own in every command: it works, said once, or is refused with a remedy that can be typed.

import json
import re
import shlex
import sys

import pytest
from kinds import TESTNET
from matrix import QUICK

import senet
from senet.attention import trusted_code
from senet.cli import run
from senet.metadata import Metadata
from senet.weights import write_state

SPEC = "cli_gates:MyGate(k=5)"
IN_FILE = "cli_gates.py:MyGate()"
GATES = """
from own_gate import OwnGate

class MyGate(OwnGate):
    pass
"""
BAD = """
from own_gate import OwnGate

class Silent(OwnGate):
    effect = None

class Breaks(OwnGate):
    def __init__(self, channels):
        raise RuntimeError("broken")

class Fails(OwnGate):
    def forward(self, x):
        raise RuntimeError("broken")

class Differs(OwnGate):
    def forward(self, x):
        return x + self.weights(x)

def function(channels):
    pass
"""
DIGITS = ("--data", "digits", "--train-fraction", "0.05", *QUICK)
WEIGHTS = "run/weights/best.safetensors"
NOTE = re.compile(r"^note: attention: \S+ is imported, its code runs$", re.MULTILINE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the code, weights that were trained with it, and a folder that it was inserted into."""
    home = tmp_path_factory.mktemp("own_block")
    (home / "cli_gates.py").write_text(GATES)
    (home / "cli_bad.py").write_text(BAD)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.syspath_prepend(home)
        patch.setattr(trusted_code, "_trusted", {})
        assert run(["train", "--network", "resnet8", "--attention", SPEC, *DIGITS, "--out", "run"]) == 0
        assert run(["insert", TESTNET, IN_FILE, "--example", "1,3,32,32", "--out", "inserted"]) == 0
        senet.save_weights(senet.create("se_resnet8", num_classes=10, in_channels=1), "se.safetensors")
    return home


@pytest.fixture
def command(home, capsys, monkeypatch, tmp_path):
    """Run a command as in a new process, in which nothing has been named; OUT is a folder of the test's."""
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(home)

    def call(*words, code=0):
        monkeypatch.setattr(trusted_code, "_trusted", {})
        capsys.readouterr()
        found = run([word.replace("OUT", str(tmp_path)) for word in words])
        told = capsys.readouterr()
        assert found == code, told.err
        return told

    return call


def said_to_type(err):
    """Return the flags that an error's last line says."""
    found = re.search(r"""--attention ("[^"]*"|'[^']*')""", err.splitlines()[-1])
    assert found, err
    return ["--attention", *shlex.split(found[1])]


OPENING = (
    ("evaluate", WEIGHTS, "--data", "digits", "--json"),
    ("evaluate", WEIGHTS, "--data", "digits", "--network", "resnet8", "--json"),
    ("predict", WEIGHTS, "--data", "digits", "--format", "json"),
    ("cost", WEIGHTS, "--json"),
    ("cost", "inserted", "--json"),
    ("train", "--network", WEIGHTS, *DIGITS, "--dry-run", "--json", "--out", "OUT/a"),
    ("train", "--network", "resnet8", "--weights", WEIGHTS, *DIGITS, "--dry-run", "--json", "--out", "OUT/a"),
    ("weights", "convert", WEIGHTS, "--out", "OUT/c.safetensors"),
    ("weights", "convert", "inserted", "--out", "OUT/c.safetensors"),
)


@pytest.mark.parametrize("words", OPENING, ids=" ".join)
def test_weights_with_it_open_by_the_remedy_that_is_said(words, command):
    refused = command(*words, code=4)
    assert "is code, cli_gates" in refused.err
    assert "; nothing is imported because a file names it" in refused.err
    assert refused.out == ""
    assert not trusted_code._trusted
    told = command(*words, *said_to_type(refused.err))
    assert len(NOTE.findall(told.err)) == 1
    if words[0] != "weights":
        json.loads(told.out)


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--network", "resnet8", "--attention", SPEC, *DIGITS, "--dry-run", "--json", "--out", "OUT/a"),
        ("compare", "--attention", SPEC, "--seeds", "1", *DIGITS, "--dry-run", "--out", "OUT/a"),
        ("cost", "resnet8", "--attention", SPEC, "--json"),
        ("insert", TESTNET, SPEC, "--example", "1,3,32,32", "--dry-run", "--json"),
        ("insert", "inserted", IN_FILE, "--again", "--where", "layer4.0.bn2", "--example", "1,3,32,32", "--dry-run"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_that_it_is_imported_is_said_once(words, command):
    told = command(*words)
    assert len(NOTE.findall(told.err)) == 1
    if "--json" in words:
        json.loads(told.out)


def test_weights_are_looked_into_without_it(command):
    told = command("weights", "inspect", WEIGHTS, "--json")
    assert json.loads(told.out)["about"]["attention"]["kind"] == "cli_gates:MyGate"
    assert not trusted_code._trusted


@pytest.mark.parametrize("path", ["cli_gates.py", "../{name}/cli_gates.py", "{home}/cli_gates.py"])
def test_a_file_may_be_named_by_any_of_its_paths(path, command, home):
    typed = path.format(name=home.name, home=home)
    told = command("evaluate", WEIGHTS, "--data", "digits", "--json", "--attention", f"{typed}:MyGate(k=5)")
    assert json.loads(told.out)["model"] == f"resnet8 with {typed}:MyGate(k=5)"


@pytest.mark.parametrize("words", [("evaluate", WEIGHTS, "--data", "digits"), ("cost", WEIGHTS)], ids=" ".join)
def test_another_block_than_the_weights_have_is_refused(words, command):
    refused = command(*words, "--attention", "cli_gates:MyGate(k=7)", code=2)
    assert ("the weights have no cli_gates:MyGate(k=7)" in refused.err) == (words[0] == "evaluate")
    command(*words, *said_to_type(refused.err))


def test_a_block_that_weights_do_not_have_is_no_permission(command):
    refused = command("evaluate", "se.safetensors", "--data", "digits", "--attention", SPEC, code=2)
    assert f"the weights have no {SPEC}\nse.safetensors\nleave --attention out" in refused.err


def test_other_attention_beside_it_is_refused_as_beside_any_other(command):
    for words in (("compare", *DIGITS), ("cost", "--attention", "none"), ("train", "--attention", "SE", *DIGITS)):
        refused = command(words[0], "--network", WEIGHTS, *words[1:], code=2)
        assert "has attention already" in refused.err
        assert f'in senet train or cost, name it yourself: --attention "{SPEC}"' in refused.err
        assert "--network resnet8 takes any attention" in refused.err
    refused = command("insert", WEIGHTS, "SE", "--again", "--dry-run", code=4)
    assert "senet insert takes it where it inserts the same once more" in refused.err
    glob = ("--where", "stage4.0.branch", "--example", "1,1,8,8")
    command("insert", WEIGHTS, SPEC, "--again", "--dry-run", *glob)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("cli_nowhere:Gate", "no module is called 'cli_nowhere'"),
        ("cli_nowhere.py:Gate", "no such file\ncli_nowhere.py"),
        ("cli_gates:MyGat", "cli_gates has no MyGat\ndid you mean MyGate?"),
        ("cli_gates:MyGate(kk=5)", "no argument is called 'kk'\ndid you mean k?"),
        ("cli_bad:Silent", "cli_bad:Silent declares no effect\nset it in the class: effect ="),
        ("cli_bad:Breaks", "cli_bad:Breaks() cannot be built\n16 channels: RuntimeError: broken"),
        ("cli_bad:Fails", "cli_bad:Fails() cannot run\na map of (2, 16, 7, 5): RuntimeError: broken"),
        ("cli_bad:Differs", "cli_bad:Differs(): its output is not x * weights(x)"),
        ("cli_bad:function", "cli_bad:function is a function, not a class"),
        ("subprocess:Popen(args='touch pwned')", "subprocess:Popen is neither a block"),
    ],
)
def test_mistakes_in_it_are_said_before_anything_is_trained(spec, said, command, tmp_path, home):
    refused = command("train", "--network", "resnet8", "--attention", spec, *DIGITS, "--out", "OUT/a", code=2)
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert not (tmp_path / "a").exists()
    assert not (home / "pwned").exists()


MARKER = "import pathlib\npathlib.Path('pwned').touch()\n"


@pytest.mark.parametrize(
    "attention",
    [
        {"kind": "os:system", "command": "touch pwned"},
        {"kind": "subprocess:Popen", "args": "touch pwned"},
        {"kind": "posixpath:join", "a": "b"},
        {"kind": "cli_marker:Gate"},
        {"kind": "cli_marker.py:Gate"},
        {"kind": "cli_gates:MyGate", "k": "$(touch pwned)`touch pwned`'\""},
    ],
    ids=lambda attention: attention["kind"],
)
def test_nothing_that_weights_name_is_imported_or_called(attention, command, home, tmp_path):
    (home / "cli_marker.py").write_text(MARKER)
    state = senet.create("resnet8", num_classes=10, in_channels=1).state_dict()
    write_state(state, tmp_path / "w.safetensors", Metadata("resnet8", attention, num_classes=10, in_channels=1))
    hostile = str(tmp_path / "w.safetensors")
    for words in (
        ("evaluate", hostile, "--data", "digits"),
        ("cost", hostile),
        ("train", "--network", hostile, *DIGITS, "--out", "OUT/a"),
        ("insert", hostile, "SE", "--dry-run"),
        ("weights", "convert", hostile, "--out", "OUT/c.safetensors"),
    ):
        refused = command(*words, code=4)
        assert "nothing is imported because a file names it" in refused.err
    command("weights", "inspect", hostile)
    assert not (home / "pwned").exists()
    assert "cli_marker" not in sys.modules


def test_what_is_said_to_be_typed_is_one_word_of_a_shell(command, tmp_path):
    evil = "$(touch pwned)`touch pwned`"
    state = senet.create("resnet8", num_classes=10, in_channels=1).state_dict()
    said = Metadata("resnet8", {"kind": "cli_gates:MyGate", "k": evil}, num_classes=10, in_channels=1)
    write_state(state, tmp_path / "w.safetensors", said)
    advice = command("cost", str(tmp_path / "w.safetensors"), code=4).err.splitlines()[-1]
    typed = advice.partition("--attention ")[2].partition(" (senet.parse")[0]
    assert shlex.split(typed) == [f"cli_gates:MyGate(k='{evil}')"]
    assert typed.startswith("'"), "within double quotes a shell would run it"


@pytest.mark.parametrize("named", ["os:system(command='touch pwned')", "cli_marker:Gate()", "cli_marker.py:Gate()"])
def test_nothing_that_a_record_names_is_imported_or_called(named, command, home, tmp_path):
    (home / "cli_marker.py").write_text(MARKER)
    (tmp_path / "weights.safetensors").write_bytes((home / "inserted" / "weights.safetensors").read_bytes())
    record = (home / "inserted" / "model.toml").read_text()
    assert IN_FILE in record
    (tmp_path / "model.toml").write_text(record.replace(IN_FILE, named))
    for words in (("cost", str(tmp_path)), ("weights", "convert", str(tmp_path), "--out", "OUT/c.safetensors")):
        assert "nothing is imported because a file names it" in command(*words, code=4).err
    assert not (home / "pwned").exists()
    assert "cli_marker" not in sys.modules


def test_a_run_goes_on_unless_its_code_was_edited(command, home, tmp_path, monkeypatch):
    path = tmp_path / "cli_edited.py"
    path.write_text(GATES)
    monkeypatch.syspath_prepend(tmp_path)
    words = ["train", "--network", "resnet8", "--attention", "cli_edited:MyGate", "--data", "digits", "--out", "OUT/a"]
    words += ["--train-fraction", "0.05", *QUICK[2:]]
    command(*words, "--epochs", "1")
    command(*words, "--epochs", "2", "--resume")
    edit(path, monkeypatch)
    refused = command(*words, "--epochs", "3", "--resume", code=2)
    assert "this is not the run that the checkpoint is of: attention code" in refused.err


def edit(path, monkeypatch):
    """Edit code, as between two processes."""
    path.write_text(path.read_text() + "\n# edited\n")
    monkeypatch.delitem(sys.modules, path.stem, raising=False)


@pytest.mark.slow
def test_a_study_from_a_file_goes_on_and_trains_edited_code_again(command, tmp_path, monkeypatch):
    path = tmp_path / "cli_studied.py"
    path.write_text(GATES)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "study.toml").write_text(
        '[variants]\nnone = "none"\nmine = { attention = "cli_studied:MyGate(k=5)" }\n'
    )
    words = ["compare", "--study", "OUT/study.toml", "--seeds", "1", *DIGITS, "--workers", "1", "--out", "OUT/runs"]
    told = command(*words)
    assert len(NOTE.findall(told.err)) == 1
    trials = {*tmp_path.glob("runs/*/trials/*.json")}
    assert len(trials) == 2
    command(*words)
    assert {*tmp_path.glob("runs/*/trials/*.json")} == trials
    edit(path, monkeypatch)
    command(*words)
    (new,) = {*tmp_path.glob("runs/*/trials/*.json")} - trials
    assert "cli_studied:MyGate" in new.read_text()
