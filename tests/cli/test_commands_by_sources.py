"""Every command on every kind of data source: it works on the right images, or is refused with advice that works.

The table in README.md is drawn from the same kinds; `python tests/cli/test_commands_by_sources.py` prints it.
"""

import csv
import io
import json
import re

import pytest
from data_kinds import COMMANDS, KINDS, expected, packed_images, table, write_idx, write_list, write_parquet, write_tars
from matrix import COLOURS, MARKED, QUICK, calling, marked, printed

from senet.cli import run

SPEC = "SE(reduction=4)"
TRAINED = ("shards:packed", "shards:file://{home}/packed")  # by train and by compare; the others are planned


@pytest.fixture(scope="module")
def home(photos, tmp_path_factory):
    """A folder with a small source of every kind, and weights that know its classes."""
    from senet import create, save_weights

    home = tmp_path_factory.mktemp("home")
    (home / "photos").symlink_to(photos)
    write_list(home)
    write_tars(photos, home / "tars")
    write_parquet(photos, home / "parquet")
    write_idx(home / "idx")
    for kind, channels, side in ((KINDS[0], 1, 8), (KINDS[1], 1, 28), (KINDS[2], 3, 24)):
        model = create("resnet8", num_classes=len(kind.classes), in_channels=channels)
        model.load_state_dict(marked(model, len(kind.classes)))
        about = {"size": [side, side], "mean": [0.5] * channels, "std": [0.25] * channels}
        about = {"classes": list(kind.classes), "input_transform": about}
        save_weights(model, home / kind.weights, about=about)
        gated = create("se_resnet8", num_classes=len(kind.classes), in_channels=channels)
        save_weights(gated, home / f"se_{kind.weights}", about=about)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert run(["data", "pack", "photos", "--out", "packed"]) == 0
    return home


@pytest.fixture
def senet(home, capsys, monkeypatch):
    """Run a command; where it is refused, run what its error advises instead. Returns what it printed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    return calling(home, capsys, monkeypatch, advised, code=3)


def advised(words, advice):
    """Return the command with the source that an error's last line names."""
    [source] = re.findall(r"folder:\S+", advice)
    return [source if word.startswith("folder:") else word for word in words]


def named(kind, home):
    return [kind.name.format(home=home), *kind.flags]


def learning(command, kind, home, out):
    sized = [*kind.sized, "--train-fraction", "1", "--batch-size", "2", "--out", str(out)]
    return [command, "--network", "resnet8", "--data", *named(kind, home), *QUICK, *sized]


def train(senet, kind, refused, home, tmp):
    asked = [*learning("train", kind, home, tmp / "run"), "--workers", "0", "--json"]
    plan = json.loads(senet(*asked, "--dry-run", refused=refused))
    assert (plan["classes"], plan["validation_images"], plan["test_images"]) == (len(kind.classes), *kind.images[1:])
    assert plan["steps"] == kind.images[0] // 2
    if kind.name in TRAINED:
        assert json.loads(senet(*asked))["test"]["images"] == kind.images[2]


def compare(senet, kind, refused, home, tmp):
    asked = [*learning("compare", kind, home, tmp), "--seeds", "1", "--attention", SPEC, "--workers", "1"]
    said = " ".join(senet(*asked, "--dry-run", refused=refused).split())
    assert f": {kind.images[0]:,} images to train on, {kind.images[2]} to score, " in said
    assert ("decoded as they go" in said) == bool(kind.sized)
    if kind.name in TRAINED:
        trials = json.loads(senet(*asked, "--json"))["trials"]
        assert [(trial["variant"], len(trial["loss"])) for trial in trials] == [("none", 1), (SPEC, 1)]


def evaluate(senet, kind, refused, home, tmp):
    found = json.loads(senet("evaluate", kind.weights, "--data", *named(kind, home), "--json", refused=refused))
    assert found["data"] == named(kind, home)[0] + kind.scored
    assert found["images"] == sum(one["images"] for one in found["classes"]) == kind.images[2]
    assert [one["accuracy"] for one in found["classes"]] == [100 * (i == MARKED) for i in range(len(kind.classes))]


def predict(senet, kind, refused, home, tmp):
    words = ["--top", "1", "--format", "csv"]
    rows = csv.DictReader(io.StringIO(senet("predict", kind.weights, "--data", *named(kind, home), *words)))
    name = COLOURS[MARKED] if len(kind.classes) == len(COLOURS) else kind.classes[MARKED]
    guesses = {row["image"]: row["class_1"] for row in rows}
    assert len(guesses) == kind.images[2]
    assert set(guesses.values()) == {name}


def excite(senet, kind, refused, home, tmp):
    """Of weights with attention, which the others have not."""
    words = [f"se_{kind.weights}", "--data", *named(kind, home), "--out", str(tmp), "--json"]
    found = json.loads(senet("excite", *words, "--classes", kind.classes[MARKED], refused=refused))
    assert found["data"] == named(kind, home)[0] + kind.scored
    assert [one["name"] for one in found["classes"]] == list(kind.classes)
    assert found["groups"][0]["images"] == sum(one["images"] for one in found["classes"]) == kind.images[2]
    assert len(found["gates"]) == 3
    for gate in found["gates"]:
        assert [one["images"] for one in gate["profiles"]] == [group["images"] for group in found["groups"]]
    assert found["groups"][1]["images"] == found["labels"].count(MARKED) > 0


def data_check(senet, kind, refused, home, tmp):
    require_clean(json.loads(senet("data", "check", *named(kind, home), "--json", refused=refused)), kind)


def data_pack(senet, kind, refused, home, tmp):
    senet("data", "pack", *named(kind, home), "--out", str(tmp / "out"), refused=refused)
    require_clean(json.loads(senet("data", "check", str(tmp / "out"), "--json")), kind)
    assert packed_images(tmp / "out") == expected(kind, home / "photos")


def require_clean(report, kind):
    splits = {one["name"]: (one["classes"], one["images"], one["readable"]) for one in report["splits"]}
    assert splits == {
        name: (len(kind.classes), count, count)
        for name, count in zip(("train", "val", "test"), kind.images, strict=True)
    }
    assert (report["clean"], tuple(report["classes"])) == (True, kind.classes)


CALLS = (train, compare, evaluate, predict, excite, data_check, data_pack)


def command(call):
    return call.__name__.replace("_", " ")


@pytest.mark.usefixtures("trials_here")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("call", CALLS, ids=command)
def test_every_command_takes_every_source_or_says_what_to_type(call, kind, senet, home, tmp_path):
    call(senet, kind, command(call) in dict(kind.refused), home, tmp_path)


def test_the_table_of_sources_in_the_readme_is_drawn_from_what_is_tested():
    assert tuple(map(command, CALLS)) == COMMANDS
    assert {kind.name for kind in KINDS} > set(TRAINED)
    assert printed("commands x sources") == table()


if __name__ == "__main__":
    print(table())
