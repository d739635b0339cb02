# Whatever an error tells the user to type can be typed, into the very command that was called.
import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

import senet
from senet.cli import run
from senet.cli.common.command_line import FLAG_IN_BRACKETS, flags_of_command, without_unknown_flags

ROOT = Path(senet.__file__).parent
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z.-]*[a-z]")
WHOLE = re.compile(r"senet (train|compare|evaluate|predict|excite|cost|insert|data|weights|models)\b[^;]*")
OTHERS = {"--sort", "--shm-size", "--revision", "--local-dir", "--max-restarts", "--master-port", "--nproc-per-node"}

ALL = ("train", "compare", "evaluate", "predict", "excite", "cost", "insert")
BUILD, RUNS, SCORE = ("train", "compare", "cost", "insert"), ("train", "compare"), ("evaluate", "predict", "excite")
# Which commands an error of a module may end, where its text names a flag: the longest path that fits says it.
REACHED = {
    "accounting": ("cost",),
    "attention": ("train", "compare", "evaluate", "cost", "insert"),
    "data": (*RUNS, *SCORE),
    "data/loader/decode.py": RUNS,
    "data/check/report.py": RUNS,  # findings of the check, on what training does
    "data/shards/pack.py": ("data pack",),
    "data/sources/open_data.py": (*RUNS, *SCORE),
    "data/loader/workers.py": (*RUNS, *SCORE),
    "excitation": ("excite",),
    "utils/files.py": ("train", "compare", "excite", "insert", "weights convert"),
    "image_size.py": ALL,
    "inference": SCORE,
    "insertion": BUILD,
    "models": ALL,
    "models/start/begin.py": ("train", "compare", "cost"),
    "models/start/adapt_feed.py": ("train", "compare", "cost"),
    "models/input.py": ("insert", "weights convert"),
    "models/start/trunk.py": BUILD,
    "models/input_and_labels.py": ("cost", "insert"),
    "networks": (*BUILD, *SCORE),
    "page/figure_files.py": ("compare", "excite"),
    "distributed": ("train", "compare", "evaluate"),
    "study": ("compare",),
    "study/trials/train_command.py": ("train",),
    "training": RUNS,
    "training/checkpoint/run_identity.py": ("train",),
    "training/job.py": ("train",),
    "training/checkpoint/resume.py": ("train",),
    "weights": ALL,
}
# What stands there with a command that is not looked for above, or is no flag of a remedy.
BY_HAND = {
    ("data/sources/open_data.py", "--image-size"): RUNS,  # who names one
    ("models/start/adapt_feed.py", "--interpolation"): RUNS,  # of the feed
    ("models/input_and_labels.py", "--classes"): ("cost", "insert", *SCORE),
    ("distributed/launch.py", "--device"): ("train", "evaluate"),  # who names one
}
STYLES = ("page/figure.py", "excitation/page")  # colours of a page: var(--ink)


def texts(path):
    """Return the strings of a module without its docstrings, those with values in them whole."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    scopes = (ast.Module, ast.FunctionDef, ast.ClassDef)
    passed = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, scopes) and _documented(node)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    passed |= {id(part) for node in joined for part in node.values}
    for node in joined:
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield node.value


def _documented(node):
    return bool(node.body) and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)


def modules():
    names = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*.py"))]
    return [name for name in names if not name.startswith(STYLES)]


OTHER_COMMANDS = (
    "models",
    "studies",
    "weights convert",
    "weights inspect",
    "weights verify",
    "data check",
    "data pack",
)


@lru_cache
def flags(command):
    return flags_of_command(command.split())


def test_every_flag_in_a_message_is_one_of_a_command():
    known = OTHERS.union(*map(flags, (*ALL, *OTHER_COMMANDS)))
    prefixes = ("--no-", "--no")  # that a flag is made of
    named = {(name, flag) for name in modules() for text in texts(ROOT / name) for flag in FLAG.findall(text)}
    assert len(named) > 100
    others = {"--version", "--head", "--upgrade"}  # the last is pip's
    wrong = {(name, flag) for name, flag in named if flag not in {*known, *prefixes, *others}}
    assert not wrong


def test_a_flag_out_of_brackets_is_one_of_each_command_that_the_message_may_end():
    wrong, seen = [], 0
    for name in modules():
        if name.startswith("cli/"):
            continue
        reached = next((REACHED[p] for p in sorted(REACHED, key=len, reverse=True) if name.startswith(p)), ())
        for text in texts(ROOT / name):
            for flag in FLAG.findall(WHOLE.sub("", FLAG_IN_BRACKETS.sub("", text))):
                seen += 1
                needed = BY_HAND.get((name, flag), reached)
                lacking = [command for command in needed if flag not in flags(command)]
                if flag not in OTHERS and (lacking or not needed) and not flag.startswith("--no"):
                    wrong.append((name, flag, lacking))
    assert not wrong
    assert seen > 50


@pytest.mark.parametrize("command", ["insert", "train", "compare", "cost"])
def test_brackets_are_shown_to_a_command_that_has_the_flag(command):
    said = 'choose stages= (--stages), or "SE(reduction=4)", and again=True (--again) (batch norm sees the parts)'
    shown = without_unknown_flags(said, [command, "resnet8", "--data", "digits"])
    assert ("(--stages)" in shown) == (command != "compare")
    assert ("(--again)" in shown) == (command == "insert")
    assert shown.startswith("choose stages=")
    assert shown.endswith("(batch norm sees the parts)")
    assert '"SE(reduction=4)"' in shown


def test_flags_of_nested_commands_and_of_none():
    assert "--shard-size" in flags_of_command(["data", "pack", "photos"])
    assert flags_of_command(["data"]) == flags_of_command([]) == flags_of_command(["no-such-command"]) == frozenset()


COMPOSITE = """
import torchvision
from torch import nn
class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual, self.text = torchvision.models.resnet18(num_classes=3), nn.Embedding(9, 8)
    def forward(self, image, words):
        return self.visual(image), self.text(words)
def pair():
    return Pair()
def visual():
    return Pair().visual
"""


@pytest.mark.parametrize("words", [["insert", "{}", "SE", "--dry-run"], ["cost", "{}"]], ids=lambda words: words[0])
def test_a_model_of_several_inputs_is_told_its_part_and_a_function_that_returns_it_works(words, tmp_path, capsys):
    (tmp_path / "net.py").write_text(COMPOSITE)
    assert run([word.format(f"{tmp_path}/net.py:pair") for word in words]) == 2
    assert capsys.readouterr().err.endswith(
        "its submodule model.visual takes images: use that, on the command line through a function that returns "
        "it, FILE.py:FUNCTION\n"
    )
    assert run([word.format(f"{tmp_path}/net.py:visual") for word in words]) == 0


GREY = "from torch import nn\ndef grey():\n    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU())\n"


def test_insert_takes_the_channels_that_it_tells_one_to_name(tmp_path, capsys):
    (tmp_path / "net.py").write_text(GREY)
    words = ["insert", f"{tmp_path}/net.py:grey", "SE(reduction=4)", "--dry-run"]
    assert run(words) == 2
    assert capsys.readouterr().err.endswith("the network takes images of 1 channel (--in-channels 1)\n")
    assert run([*words, "--in-channels", "1"]) == 0
    assert "on 1 x 224 x 224" in capsys.readouterr().out
