"""What people type for a data source and is none: the error says what to type, and that works."""

import re
import shutil

import pytest
from data_kinds import write_tars

from senet.cli import run

WEIGHTS = "w.safetensors"
LEARN = ("--network", "resnet8", "--epochs", "1", "--precision", "float32", "--threads", "1", "--dry-run")
COMMANDS = {
    "train": ["train", *LEARN, "--data"],
    "compare": ["compare", *LEARN, "--seeds", "1", "--attention", "SE(reduction=4)", "--data"],
    "evaluate": ["evaluate", WEIGHTS, "--data"],
    "predict": ["predict", WEIGHTS, "--data"],
    "check": ["data", "check"],
    "pack": ["data", "pack", "--out", "out"],
}


@pytest.fixture(scope="module")
def home(trained, photos, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    shutil.copy(trained / "weights" / "last.safetensors", home / WEIGHTS)
    (home / "photos").symlink_to(photos)
    write_tars(photos, home / "tars")
    shutil.copytree(home / "tars", home / "train_alone", ignore=shutil.ignore_patterns("val*", "test*"))
    shutil.copytree(home / "tars", home / "test_alone", ignore=shutil.ignore_patterns("val*", "train*"))
    (home / "empty").mkdir()
    return home


@pytest.fixture
def told(home, monkeypatch, capsys, tmp_path):
    """Return what a command that is wrong says, after its code was looked at."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    capsys.readouterr()

    def call(words, code):
        found = run([*words])
        err = capsys.readouterr().err
        assert found == code, err
        assert "Traceback" not in err
        return err

    return call


MISNAMED = {
    "folder:tars": "shards:",
    "shards:photos": "folder:",
    "shards:photos/test": "folder:",
    "file://{home}/tars": "shards:file://",
}


@pytest.mark.parametrize("wrong", MISNAMED)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_source_of_another_kind_is_named_as_it_has_to_be(command, wrong, told, home):
    words = COMMANDS[command]
    *_, advice = told([*words, wrong.format(home=home)], 2).splitlines()
    [right] = re.findall(r"write --data (\S+)$", advice)
    assert right.startswith(MISNAMED[wrong])
    if wrong != "shards:photos/test" and command in ("evaluate", "predict", "check"):
        told([*words, right], 0)


@pytest.mark.parametrize("command", ["train", "compare", "evaluate", "predict"])
@pytest.mark.parametrize(("path", "right"), [("photos", "folder:photos"), ("tars", "shards:tars")])
def test_a_bare_path_is_answered_with_its_name(command, path, right, told):
    assert told([*COMMANDS[command], path], 2).endswith(f"write --data {right}\n")


@pytest.mark.parametrize("command", ["check", "pack"])
def test_data_commands_take_a_bare_path_and_data_too(command, told, home, tmp_path):
    words = [*COMMANDS[command][:2], *(["--out", str(tmp_path / "out")] * (command == "pack"))]
    told([*words, "--data", "photos"], 0)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("source", "what"),
    [("folder:nowhere", "no such folder"), ("shards:nowhere", "no such folder"), ("shards:empty", "found: none")],
)
def test_what_is_not_there_is_said_with_how_to_lay_it_out(command, source, what, told):
    said = told([*COMMANDS[command], source], 3).splitlines()
    assert what in said[-3]
    assert source.partition(":")[2] in said[-2]
    assert "test/<class>" in said[-1] or "test-00000.tar" in said[-1]


@pytest.mark.parametrize("command", ["train", "compare", "check", "pack"])
@pytest.mark.parametrize("alone", ["train", "test"])
def test_shards_of_one_split_cannot_be_trained_on(command, alone, told):
    said = told([*COMMANDS[command], f"shards:{alone}_alone"], 3)
    assert "there are shards of train alone" in said if alone == "train" else "found: test\n" in said
    if (alone, command) == ("train", "check"):
        [flags] = re.findall(r"--val-fraction \S+", said)
        told([*COMMANDS[command], "shards:train_alone", *flags.split()], 0)


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_training_images_are_scored_if_somebody_says_so(command, told):
    words = [*COMMANDS[command], "shards:train_alone"]
    [flags] = re.findall(r"^--split \S+", told(words, 3).splitlines()[-1])
    told([*words, *flags.split()], 0)
    assert "it has test\n" in told([*COMMANDS[command], "shards:test_alone", "--split", "val"], 3)


@pytest.mark.parametrize("command", ["train", "compare"])
@pytest.mark.parametrize("flags", [("--in-memory", "no"), ("--image-size", "16")])
def test_named_sets_are_kept_at_their_size(command, flags, told):
    words = [*COMMANDS[command], "digits"]
    assert told([*words, *flags], 2).endswith(f"leave {flags[0]} out\n")
    told(words, 0)


@pytest.mark.parametrize("command", ["train", "compare"])
def test_an_impossible_share_is_refused_with_what_the_whole_is(command, told):
    assert "train_fraction=0.0 is not in (0, 1]\n1 is all of them" in told(
        [*COMMANDS[command], "shards:tars", "--train-fraction", "0"], 2
    )


@pytest.mark.parametrize("kind", ["folder", "shards", "named"])
def test_classes_that_the_weights_do_not_know_can_be_left_out_where_some_are_left(kind, told, photos, tmp_path):
    more = shutil.copytree(photos, tmp_path / "more")
    for split in ("train", "val", "test"):
        shutil.copytree(more / split / "red", more / split / "rde")
    told(["data", "pack", str(more), "--out", str(tmp_path / "packed")], 0)
    source = {"folder": f"folder:{more}", "shards": f"shards:{tmp_path / 'packed'}", "named": "digits"}[kind]
    what, _, do = told(["evaluate", WEIGHTS, "--data", source], 3).splitlines()[-3:]
    assert what.endswith("the weights do not know them")
    assert ("--ignore-unknown" in do) == (kind != "named")
    said = told(["evaluate", WEIGHTS, "--data", source, "--ignore-unknown"], 3 if kind == "named" else 0)
    words = "of a class that is known, but of 0, 1, " if kind == "named" else "unknown classes: 4 (test 4): rde (4)\n"
    assert words in said


def test_a_list_of_a_thousand_classes_is_cut(told, photos, tmp_path):
    from senet import create, save_weights

    about = {"classes": [f"class {i}" for i in range(1000)], "input_transform": {"size": [24, 24]}}
    about["input_transform"] |= {"mean": [0.5] * 3, "std": [0.5] * 3}
    save_weights(create("resnet8", num_classes=1000), tmp_path / WEIGHTS, about=about)
    assert len(told(["evaluate", str(tmp_path / WEIGHTS), "--data", "folder:photos"], 3)) < 800


PREDICTED = {
    "a folder of shards": (["tars"], 3, "write --data shards:tars"),
    "a source as an image": (["folder:photos"], 3, "write --data folder:photos"),
    "a named set as an image": (["cifar10"], 3, "write --data cifar10"),
    "an image that is not there": (["gone.png"], 3, "check the path; a data set is named by --data"),
    "both": (["photos/test", "--data", "folder:photos"], 2, "name one of the two"),
    "a split of nothing": (["photos/test", "--split", "val"], 2, "name it: --data folder:PATH"),
    "nothing": ([], 2, "or --data SOURCE"),
}


@pytest.mark.parametrize("case", PREDICTED)
def test_predict_says_how_a_source_is_named(case, told):
    words, code, said = PREDICTED[case]
    assert told(["predict", WEIGHTS, *words], code).endswith(f"{said}\n")


def test_flags_that_cannot_be_are_said_before_anything_is_read(told):
    assert "--top 0 is below 1" in told(["predict", WEIGHTS, "--data", "folder:nowhere", "--top", "0"], 2)


def test_a_folder_beside_a_named_set_is_mentioned(told, tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "note: digits is the data set; the folder of this name is folder:digits\n" in told(
        COMMANDS["check"] + ["digits"], 0
    )
