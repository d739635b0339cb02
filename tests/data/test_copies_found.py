"""What a check finds beyond files that cannot be read: copies, two labels, blank images, odd sizes, few images."""

import json

import pytest
from PIL import Image
from zoo import encoded, folder, photo, scene

from senet.data.check.check import check
from senet.data.check.report import REMEDIES
from senet.data.shards.pack import pack
from senet.data.shards.source import ShardSource
from senet.data.sources.image_folder import FolderSource


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos")


def found(root, *kinds):
    report = check(FolderSource(root))
    return [(one.kind, one.severity, one.path, one.detail) for one in report.findings if one.kind in kinds]


def copy(root, source, target):
    (root / target).write_bytes((root / source).read_bytes())


def test_one_image_under_two_labels_is_an_error_in_every_split(root):
    copy(root, "train/cat/00.jpg", "train/dog/copy.jpg")
    copy(root, "test/dog/01.jpg", "test/cat/copy.jpg")
    assert found(root, "two-labels", "duplicate") == [
        (
            "two-labels",
            "error",
            "train/dog/copy.jpg",
            "the same file as train/cat/00.jpg, under another label: dog, not cat",
        ),
        (
            "two-labels",
            "error",
            "test/dog/01.jpg",
            "the same file as test/cat/copy.jpg, under another label: dog, not cat",
        ),
    ]
    assert not check(FolderSource(root)).clean


def test_copies_of_one_label_are_counted_and_no_error(root):
    for name in ("a", "b"):
        copy(root, "train/cat/00.jpg", f"train/cat/{name}.jpg")
    report = check(FolderSource(root))
    assert report.counts() == {"duplicate": 2}
    assert report.clean
    assert found(root, "duplicate")[1][2:] == ("train/cat/b.jpg", "the same file as train/cat/00.jpg")


def test_a_picture_encoded_again_is_a_note_within_a_split_and_an_error_between_splits(root):
    for place, quality in (("train/cat/a.jpg", 90), ("train/dog/b.jpg", 60), ("train/cat/c.jpg", 40)):
        (root / place).write_bytes(encoded(scene(700, 96, 128), "JPEG", quality=quality))
    assert [one[:3] for one in found(root, "near-two-labels", "near-duplicate", "near-leak")] == [
        ("near-duplicate", "note", "train/cat/c.jpg"),
        ("near-two-labels", "note", "train/dog/b.jpg"),
    ]
    assert check(FolderSource(root)).clean
    (root / "test/cat/d.jpg").write_bytes(encoded(scene(700, 96, 128), "PNG"))
    [leak] = found(root, "near-leak")
    assert leak[:3] == ("near-leak", "error", "test/cat/d.jpg")
    assert not check(FolderSource(root)).clean


def test_the_same_picture_held_out_under_another_label_is_said_to_be(root):
    copy(root, "train/cat/00.jpg", "test/dog/copy.jpg")
    [leak] = found(root, "leak")
    assert leak[3].endswith("under another label: dog, not cat")


@pytest.mark.parametrize("colour", ["white", (7, 0, 200), "black"])
def test_blank_images_are_counted_and_are_no_leaks(root, colour):
    for split in ("train", "test"):
        for i, size in enumerate(((32, 24), (30, 24))):
            Image.new("RGB", size, colour).save(root / split / "cat" / f"{split}{i}.jpg")
    [blank] = found(root, "blank")
    assert blank == ("blank", "note", blank[2], "every pixel of one colour (4 images, this is the first)")
    assert found(root, "near-leak", "near-duplicate") == []


def test_images_of_another_size_than_most_are_counted(root):
    assert found(root, "size") == []
    photo(root / "train" / "cat" / "odd.jpg", 800)
    scene(801, 29, 29).save(root / "train" / "cat" / "odd.jpg")
    scene(802, 24, 31).save(root / "test" / "dog" / "odd.jpg")
    [odd] = found(root, "size")
    assert odd[:3] == ("size", "note", "train/cat/odd.jpg")
    assert odd[3] == "2 of 20 images are not of 32 x 24 pixels but of 29 x 29 (1), 31 x 24 (1)"


def test_photos_of_all_sizes_have_no_odd_one(root):
    for i, path in enumerate(root.rglob("*.jpg")):
        scene(i, 20 + i, 20).save(path)
    assert found(root, "size") == []


def test_classes_of_very_different_sizes_are_said(tmp_path):
    root = folder(tmp_path, train=2)
    for i in range(2, 20):
        photo(root / "train" / "dog" / f"{i}.jpg", 900 + i)
    assert found(root, "imbalance") == []
    photo(root / "train" / "dog" / "x.jpg", 999)
    photo(root / "train" / "dog" / "y.jpg", 998)
    [one] = found(root, "imbalance")
    assert one[3] == "22 training images of 'dog' and 2 of 'cat'"


def test_shards_are_found_the_same_of(root, tmp_path):
    copy(root, "train/cat/00.jpg", "train/dog/copy.jpg")
    Image.new("RGB", (32, 24), "white").save(root / "test" / "cat" / "blank.png")
    pack(FolderSource(root), tmp_path / "out")
    assert check(ShardSource(str(tmp_path / "out"))).counts() == check(FolderSource(root)).counts()


def test_every_error_has_a_remedy_and_json_holds_it(root):
    copy(root, "train/cat/00.jpg", "train/dog/copy.jpg")
    (root / "train" / "cat" / "empty.jpg").write_bytes(b"")
    (root / "train" / "cat" / "list.txt").write_text("")
    said = json.loads(json.dumps(check(FolderSource(root)).to_dict()))
    assert {one["kind"] for one in said["findings"] if one["severity"] == "error"} <= said["remedies"].keys()
    assert said["remedies"]["two-labels"] == REMEDIES["two-labels"]
    assert said["unused"] == [{"why": "other", "split": "train", "count": 1, "examples": ["train/cat/list.txt"]}]
