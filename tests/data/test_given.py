import os
from pathlib import Path

import pytest
from zoo import photo

from senet.data.sources.image_paths import find_images
from senet.errors import DataError


def names(found):
    return [found.samples.name(i) for i in range(len(found.samples))]


def test_files_and_folders_come_in_the_order_given_as_the_user_wrote_them(tmp_path, monkeypatch):
    for i, name in enumerate(("in/b.jpg", "in/deep/a.png", "in/a.JPG", "one.jpg")):
        photo(tmp_path / name, i, format="PNG")
    monkeypatch.chdir(tmp_path)
    found = find_images([Path("one.jpg"), Path("in"), tmp_path / "one.jpg", Path("../") / tmp_path.name / "one.jpg"])
    assert names(found) == [
        "one.jpg",
        "in/a.JPG",
        "in/b.jpg",
        "in/deep/a.png",
        str(tmp_path / "one.jpg"),
        f"../{tmp_path.name}/one.jpg",
    ]
    assert all(found.samples.read(i) for i in range(6))
    assert found.longest == len(str(tmp_path / "one.jpg"))


def test_what_is_no_image_is_counted(tmp_path):
    photo(tmp_path / "a.jpg", 1)
    for name in (".hidden.jpg", "Thumbs.db", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = find_images([tmp_path])
    assert names(found) == [str(tmp_path / "a.jpg")]
    assert {one.why: one.count for one in found.unused} == {"hidden": 2, "loop": 1, "other": 1}


def test_a_file_that_is_named_is_taken_whatever_it_ends_in(tmp_path):
    assert names(find_images([photo(tmp_path / "scan.data", 1, format="PNG")])) == [str(tmp_path / "scan.data")]


def test_hostile_names_survive(tmp_path):
    for i, name in enumerate((b"line\nend.jpg", b"caf\xe9.jpg", b"-dash.jpg")):
        photo(Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))), i)
    found = find_images([tmp_path])
    assert [os.fsencode(os.path.basename(name)) for name in names(found)] == [
        b"-dash.jpg",
        b"caf\xe9.jpg",
        b"line\nend.jpg",
    ]
    assert all(found.samples.read(i) for i in range(3))


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(DataError, match="no such image or folder"):
        find_images([tmp_path / "nowhere.jpg"])
    with pytest.raises(DataError, match="no images in the folder"):
        find_images([tmp_path])
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert len(find_images([tmp_path / "gone.jpg"]).samples) == 1  # reading it says so
