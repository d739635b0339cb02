# The default name of a run's folder: every file system takes it, and like names stay apart.
import re

import pytest

from senet.cli.model_flags import LONGEST, folder_name, short

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
    assert folder_name(short(network), short(data)) == NAMES[network, data]


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
    assert all(len(name.encode()) <= LONGEST for name in (one, other))
    assert one == folder_name("é" * 300, "a")


def test_nothing_is_still_a_name():
    assert folder_name("..") == "_"
