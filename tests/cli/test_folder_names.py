# The default name of a run's folder: every file system takes it, and like names stay apart.
import re

import pytest

from senet.cli.common.model_flags import MAX_NAME_BYTES, attention_name_parts, folder_name
from senet.cli.train.run_folder import run_folder
from senet.errors import UsageError
from senet.utils.text import short_name

NAMES = {
    ("torchvision:resnet18", "folder:photos"): "resnet18-photos",
    ("resnet8", "digits"): "resnet8-digits",
    ("resnet8", "folder:."): "resnet8",
    ("resnet8", "folder:a b?"): "resnet8-a b",
    ("resnet8", "folder:C:\\photos"): "resnet8--photos",
    ("resnet8", "shards:https://host/x?y=1:2"): "resnet8-2",
    ("net.py:build", "folder:été"): "build-été",
}


@pytest.mark.parametrize(("network", "data"), NAMES)
def test_a_name_is_made_of_network_and_data(network, data):
    assert folder_name(short_name(network), short_name(data)) == NAMES[network, data]


ODD = [("a:b", "c"), ('a"b<c>d|e*f', "g"), ("a\nb", "\x1b[1m"), ("a", "b. . "), ("a/b", "c\\d"), ("nul",), ("CON.x",)]


@pytest.mark.parametrize("parts", ODD)
def test_windows_takes_it(parts):
    name = folder_name(*parts)
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
    assert not name.endswith((".", " "))
    assert name.split(".")[0].lower() not in ("con", "nul")


def test_long_names_are_cut_and_stay_apart():
    one, other = (folder_name("é" * 300, end) for end in "ab")
    assert one != other
    assert all(len(name.encode()) <= MAX_NAME_BYTES for name in (one, other))
    assert one == folder_name("é" * 300, "a")


def test_nothing_is_still_a_name():
    assert folder_name("..") == "_"


SPECS = {
    "published": (),
    "none": ("none",),
    "SE(reduction=8)": ("SE(reduction=8)",),
    'examples/own.py:Own(path="a/b")': ('Own(path="a/b")',),
    "own.blocks:Own": ("Own",),
}


@pytest.mark.parametrize("attention", SPECS)
def test_a_name_tells_attention_apart_where_it_is_not_the_networks_own(attention):
    assert attention_name_parts(attention) == SPECS[attention]


def holding(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("{}")
    return root / "a"


def test_a_run_that_finished_is_not_in_the_way_and_the_newest_goes_on(tmp_path):
    usual = holding(tmp_path)
    assert run_folder(None, usual, resume=False) == (usual, "")
    assert run_folder(None, usual, resume=True) == (usual, "")
    holding(tmp_path, "a/result.json", "a-9b/result.json", "a-01/result.json", "b-7/result.json")
    folder, why = run_folder(None, usual, resume=False)
    assert folder == tmp_path / "a-2"
    assert why == f"the run goes to {folder}, since {usual} holds a run that finished"
    assert run_folder(None, usual, resume=True) == (usual, "")
    holding(tmp_path, "a-10/result.json")
    assert run_folder(None, usual, resume=False)[0] == tmp_path / "a-11"
    holding(tmp_path, "a-11/run.json")
    assert run_folder(None, usual, resume=False)[0] == tmp_path / "a-11"
    folder, why = run_folder(None, usual, resume=True)
    assert why == f"--resume takes {folder}, the newest run of its name"
    assert folder == tmp_path / "a-11"


def test_a_study_is_passed_by_unless_the_user_names_its_folder(tmp_path):
    usual = holding(tmp_path, "a/result.json", "a-2/study.json")
    folder, why = run_folder(None, usual, resume=False)
    assert (folder, why[-13:]) == (tmp_path / "a-3", "holds a study")
    assert run_folder(None, usual, resume=True)[0] == usual
    with pytest.raises(UsageError, match="the folder holds a study"):
        run_folder(tmp_path / "a-2", usual, resume=False)


def test_a_folder_that_the_user_names_is_taken_as_it_is(tmp_path):
    usual = holding(tmp_path, "a/result.json", "a-2/run.json")
    assert run_folder(usual, usual, resume=False) == (usual, "")
