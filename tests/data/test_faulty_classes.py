"""Class folders that are missing, empty, unknown, alike or another run's; sets that are tiny."""

import json
import logging
import os

import pytest
import torch
from zoo import TRANSFORM, feed, folder, photo

from senet.data import DataConfig, load
from senet.data.check.check import check
from senet.data.labels.class_map import from_json, require_same_classes
from senet.data.loader.open_stream import open_split
from senet.data.sources.folder_tree import scan_folder
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos", classes=("cat", "dog", "otter"))


def found(root, kind):
    return [(finding.severity, finding.path) for finding in check(FolderSource(root)).findings if finding.kind == kind]


def remove(folder, keep_folder):
    for path in folder.iterdir():
        path.unlink()
    if not keep_folder:
        folder.rmdir()


@pytest.mark.parametrize("keep_folder", [True, False])
def test_row_08_a_class_missing_or_empty_in_a_held_out_split_shifts_no_label(root, keep_folder, caplog):
    remove(root / "test" / "dog", keep_folder)
    with caplog.at_level(logging.WARNING, "senet"):
        data = feed(root)
    assert data.classes == ("cat", "dog", "otter")
    assert data.test.files.labels.tolist() == [0, 0, 0, 2, 2, 2]
    assert "has no images of 'dog'; its numbers are n/a" in caplog.text
    assert found(root, "missing-class") == [("note", "test/dog")]
    in_memory = load(DataConfig(f"folder:{root}"))
    assert in_memory.test.labels.tolist() == [0, 0, 0, 2, 2, 2]


def test_row_08_an_empty_training_class_is_an_error_of_the_check(root):
    remove(root / "train" / "dog", keep_folder=True)
    assert found(root, "empty-class") == [("error", "train/dog")]


def test_row_09_classes_that_train_does_not_know_are_all_named(root):
    for name in ("otters", "zebra"):
        photo(root / "test" / name / "0.jpg", 99)
    with pytest.raises(DataError, match="2 of 5 classes are unknown, 'otters', 'zebra'"):
        feed(root)
    assert found(root, "unknown-class") == [("error", "test/otters"), ("error", "test/zebra")]


def test_row_09_unknown_classes_can_be_left_out_and_are_said(root, caplog):
    photo(root / "test" / "zebra" / "0.jpg", 99)
    stored = ("cat", "dog", "otter")
    with pytest.raises(DataError, match="zebra"):
        open_split(root / "test", stored, TRANSFORM)
    with caplog.at_level(logging.WARNING, "senet"):
        split = open_split(root / "test", stored, TRANSFORM, ignore_unknown=True)
    assert len(split) == 9
    assert "not used, images of unknown classes: 1: zebra (1)" in caplog.text


def test_row_08_a_stored_class_map_decides_the_labels_not_the_order_of_the_folders(root):
    split = open_split(root / "test", ("otter", "cat", "dog"), TRANSFORM)
    labels = {split.sample_ids(0)[i].split("/")[0]: int(label) for i, label in enumerate(next(iter(split))[1])}
    assert labels == {"otter": 0, "cat": 1, "dog": 2}


def test_row_10_hidden_and_tool_folders_are_ignored_and_listed(root):
    for name in (".ipynb_checkpoints", ".git", "@eaDir", "__MACOSX"):
        photo(root / "train" / name / "0.jpg", 7)
        photo(root / "train" / "cat" / name / "0.jpg", 7)
    (root / "train" / "Thumbs.db").write_bytes(b"x")
    (root / "train" / "cat" / "Thumbs.db").write_bytes(b"x")
    photo(root / "train" / "cat" / "._00.jpg", 7)
    assert feed(root).classes == ("cat", "dog", "otter")
    assert len(feed(root).train) == 18
    assert len(found(root, "hidden")) == 11
    assert check(FolderSource(root)).clean


def test_files_that_are_no_images_by_name_are_listed(root):
    (root / "train" / "cat" / "notes.txt").write_text("x")
    (root / "train" / "labels.csv").write_text("x")
    assert found(root, "other") == [("note", "train/cat/notes.txt"), ("note", "train/labels.csv")]


@pytest.mark.parametrize("names", [("cat", "Cat"), ("caf\u00e9", "cafe\u0301"), ("STRASSE", "straße")])
def test_row_11_names_that_differ_in_case_or_unicode_form_alone_collide(root, names):
    for name in names:
        photo(root / "train" / name / "0.jpg", 5)
    with pytest.raises(DataError, match="differ in case or Unicode form alone"):
        feed(root)
    assert len(found(root, "collision")) == 1


def test_row_11_classes_are_sorted_by_code_point(root):
    for seed, name in enumerate(("b", "10", "2", "1", "é"), 100):
        photo(root / "train" / name / "0.jpg", seed)
    assert feed(root).classes == ("1", "10", "2", "b", "cat", "dog", "otter", "é")


def test_row_11_the_same_leaf_name_below_two_classes_belongs_to_each(root):
    for seed, name in enumerate(("cat", "dog"), 100):
        photo(root / "train" / name / "2024" / "0.jpg", seed)
    labels = feed(root).train.labels
    assert torch.bincount(labels).tolist() == [7, 7, 6]


def test_row_12_another_class_order_than_the_weights_is_refused_with_a_table():
    with pytest.raises(DataError) as error:
        require_same_classes(("cat", "dog", "fox"), ("ant", "cat", "dog"), "best.safetensors")
    lines = [line.split() for line in error.value.what.splitlines()[1:]]
    assert lines == [
        ["0", "->", "1", "cat"],
        ["1", "->", "2", "dog"],
        ["2", "->", "none", "fox"],
        ["none", "->", "0", "ant"],
    ]
    assert error.value.where == "best.safetensors"


def test_a_long_table_of_classes_is_cut():
    with pytest.raises(DataError, match="and 80 more"):
        require_same_classes([str(i) for i in range(100)], [f"n{i}" for i in range(0)], "w")


def test_the_same_class_map_passes():
    require_same_classes(["a", "b"], ("a", "b"), "w")
    with pytest.raises(DataError, match="2 classes have another number"):
        require_same_classes(["a", "b"], ("b", "a"), "w")


def test_a_class_map_survives_json_even_with_bytes_that_are_not_utf8():
    classes = ("a", os.fsdecode(b"caf\xe9"), "猫")
    assert from_json(json.loads(json.dumps(classes))) == classes


@pytest.mark.parametrize("said", [None, "abc", [], ["a", "a"], ["a", 1], {"a": 0}])
def test_what_is_no_class_map_is_refused(said):
    with pytest.raises(DataError, match="class map"):
        from_json(said, "w.safetensors")


def test_row_13_no_images_are_an_error(tmp_path):
    for part in ("train/a", "train/b", "test/a"):
        (tmp_path / part).mkdir(parents=True)
    with pytest.raises(DataError, match="no images"):
        feed(tmp_path)
    assert found(tmp_path, "no-images") == [("error", "train"), ("error", "test")]


def test_row_13_one_class_is_an_error(tmp_path):
    root = folder(tmp_path / "one", classes=("cat",))
    with pytest.raises(DataError, match="1 class folders"):
        feed(root)
    assert found(root, "classes") == [("error", "train")]


def test_row_13_a_class_with_one_image_cannot_be_carved_but_can_be_trained_on(tmp_path):
    root = folder(tmp_path / "tiny", train=1)
    with pytest.raises(DataError, match="class 'cat' has 1 training image"):
        feed(root, share=0.1)
    assert len(feed(root).train) == 2
    assert found(root, "small-class") == [("note", "train/cat"), ("note", "train/dog")]


def test_row_13_a_batch_larger_than_the_set_is_the_whole_set(root):
    data = feed(root, batch_size=1000)
    assert data.steps_per_epoch == 1
    assert [len(labels) for _, labels in data.train_batches(1, 1)] == [18]


def test_row_13_a_last_batch_of_one_image_joins_the_one_before(root):
    data = feed(root, batch_size=17)
    assert [len(labels) for _, labels in data.train_batches(1, 1)] == [18]
    assert data.steps_per_epoch == 1


def test_row_14_a_loop_of_links_is_listed_and_not_followed(root):
    (root / "train" / "cat" / "again").symlink_to(root / "train" / "cat")
    (root / "train" / "cat" / "up").symlink_to(root / "train")
    (root / "train" / "dog" / "self").symlink_to(root / "train" / "dog" / "self")
    data = feed(root)
    assert len(data.train) == 18
    assert sum(len(labels) for _, labels in data.train_batches(1, 1)) == 18
    assert found(root, "loop") == [("note", "train/cat/again"), ("note", "train/cat/up")]


def test_folders_that_are_links_are_followed(root, tmp_path):
    elsewhere = photo(tmp_path / "elsewhere" / "more" / "0.jpg", 77).parents[1]
    (root / "train" / "cat" / "linked").symlink_to(elsewhere)
    (root / "train" / "fox").symlink_to(elsewhere)
    data = feed(root)
    assert data.classes == ("cat", "dog", "fox", "otter")
    assert "train/cat/linked/more/0.jpg" in [data.train.samples.name(i) for i in range(len(data.train))]


def test_row_14_a_link_to_nowhere_is_listed(root):
    (root / "train" / "cat" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    assert found(root, "missing") == [("error", "train/cat/gone.jpg")]
    with pytest.raises(DataError, match=r"a link leads nowhere\ntrain/cat/gone.jpg \(sample 6\)"):
        list(feed(root).train_batches(1, 1))


def test_row_14_a_folder_that_cannot_be_read_is_listed(root, monkeypatch):
    # root reads everything, so the refusal is made
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    (root / "train" / "cat" / "locked").mkdir()
    monkeypatch.setattr(os, "scandir", refusing)
    assert found(root, "unreadable-folder") == [("error", "train/cat/locked")]
    for opened in (feed, lambda root: load(DataConfig(f"folder:{root}"))):
        with pytest.raises(DataError, match="a folder that cannot be read") as error:
            opened(root)
        assert error.value.where == str(root / "train/cat/locked"), "its images are not missing without a word"


def test_images_come_sorted_by_the_parts_of_their_path(root):
    for name in ("a/2.jpg", "a.jpg", "a/10.jpg", "B.jpg", "a-b.jpg"):
        photo(root / "train" / "cat" / name, 8)
    images = scan_folder(root / "train").images["cat"]
    assert list(images) == sorted(images)


def test_transforms_that_leave_images_of_different_sizes_are_named(root):
    photo(root / "train" / "dog" / "big.jpg", 3)
    from PIL import Image

    Image.new("RGB", (50, 40)).save(root / "train" / "dog" / "big.jpg")
    with pytest.raises(DataError, match="end them with a crop to one size"):
        list(feed(root, transforms=(), batch_size=50).train_batches(1, 1))
