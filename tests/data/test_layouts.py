"""Folders as people have them: endings, names of splits, folders that are no classes, nothing held out."""

import shutil

import pytest
from PIL import Image
from zoo import folder, photo, scene

from senet.data import DataConfig, open_data
from senet.data.check.check import check
from senet.data.sampling.split import divided
from senet.data.shards.pack import pack
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError, UsageError


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos")


def opened(root, **settings):
    return divided(open_data(DataConfig(f"folder:{root}", **settings)), 0)


def kinds(unused):
    return [(one.why, one.split, one.count) for one in unused]


@pytest.mark.parametrize("ending", ["jfif", "JFIF", "avif", "jpe", "apng", "pgm"])
def test_row_95_images_of_every_ending_that_is_read_are_used(root, ending):
    kind = {"pgm": "PPM", "apng": "PNG", "avif": "AVIF"}.get(ending, "JPEG")
    for i in range(3):
        scene(900 + i).save(root / "train" / "cat" / f"more{i}.{ending}", kind)
    data = opened(root)
    assert (len(data.train), data.unused) == (15, ())


@pytest.mark.parametrize("ending", ["heic", "jxl", "dng", "SVG"])
def test_row_95_images_that_are_not_read_are_counted_by_every_reader(root, ending, tmp_path, caplog):
    for split in ("train", "test"):
        (root / split / "cat" / f"x.{ending}").write_bytes(b"x")
    assert kinds(opened(root).unused) == [("format", "train", 1), ("format", "test", 1)]
    said = (
        "not used, images of kinds that are not read (convert them to .png or .jpg): 2 (train 1, test 1): train/cat/x."
    )
    assert said in caplog.text
    caplog.clear()
    pack(FolderSource(root), tmp_path / "out")
    assert said in caplog.text
    assert kinds(check(FolderSource(root)).unused) == [("format", "train", 1), ("format", "test", 1)]


@pytest.mark.parametrize("name", ["valid", "validation", "Val", "VALID"])
def test_row_95_a_validation_split_of_any_name_is_read(root, name):
    (root / "test").rename(root / name)
    source = FolderSource(root)
    assert source.splits == ("train", "val")
    assert len(source.read("val").labels) == 6


def test_row_95_splits_go_by_any_case_and_two_of_one_split_are_refused(root):
    (root / "train").rename(root / "Train")
    (root / "test").rename(root / "Testing")
    assert FolderSource(root).splits == ("train", "test")
    for name in ("val", "valid"):
        shutil.copytree(root / "Testing", root / name)
    with pytest.raises(DataError, match="two folders of one split: val and valid") as error:
        opened(root)
    assert error.value.do == "merge the two, or move one of them away"


def test_row_95_what_lies_beside_the_splits_is_counted(root):
    photo(root / "extra" / "cat" / "1.jpg", 70)
    (root / "data.yaml").write_text("")
    (root / ".cache").mkdir()
    assert kinds(opened(root).unused) == [("hidden", "", 1), ("beside", "", 2)]


@pytest.mark.parametrize("name", ["runs", "labels", "wandb"])
def test_row_96_folders_without_images_are_no_classes(root, name, caplog):
    for split in ("train", "test"):
        (root / split / name).mkdir()
    (root / "train" / name / "1.txt").write_text("0 0.5 0.5 1 1")
    data = opened(root)
    assert data.classes == ("cat", "dog")
    assert ("empty-class", "train", 1) in kinds(data.unused)
    assert f"folders without images, so no classes: 2 (train 1, test 1): train/{name}, test/{name}" in caplog.text
    found = [(one.severity, one.path) for one in check(FolderSource(root)).findings if one.kind == "empty-class"]
    assert found == [("error", f"train/{name}"), ("note", f"test/{name}")]


def test_row_96_a_class_whose_images_are_all_of_an_unread_kind_is_said_twice(root):
    for path in list((root / "train" / "dog").iterdir()):
        path.rename(path.with_suffix(".heic"))
    photo(root / "train" / "eel" / "0.jpg", 71)
    shutil.rmtree(root / "test" / "dog")
    assert kinds(opened(root).unused) == [("format", "train", 6), ("empty-class", "train", 1)]


def test_a_folder_of_classes_alone_is_divided_the_same_for_ever(root):
    plain = (root / "train").rename(root.parent / "plain")
    with pytest.raises(DataError, match="class folders alone") as error:
        opened(plain)
    assert error.value.do == "hold some out: --val-fraction 0.2"
    data = opened(plain, val_fraction=0.34)
    names = [data.test.samples.name(i) for i in range(len(data.test))]
    assert names == ["cat/02.jpg", "cat/05.jpg", "dog/00.jpg", "dog/03.jpg"]
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    assert not {*names} & {data.train.samples.name(i) for i in range(len(data.train))}


def test_a_share_is_held_out_beside_a_test_split_and_not_beside_val(root):
    with pytest.raises(UsageError, match="between 0 and 1"):
        opened(root, val_fraction=1.0)
    data = opened(root, val_fraction=0.34)
    assert (len(data.train), len(data.validation), len(data.test)) == (8, 4, 6)
    (root / "test").rename(root / "valid")
    with pytest.raises(UsageError, match="a val split of its own") as error:
        opened(root, val_fraction=0.34)
    assert error.value.do == "leave --val-fraction out"


def test_what_is_not_used_of_divided_training_images_is_counted_once(root):
    (root / "train" / "cat" / "x.heic").write_bytes(b"x")
    assert kinds(opened(root, val_fraction=0.34).unused) == [("format", "train", 1)]
    found = check(open_data(DataConfig(f"folder:{root}", val_fraction=0.34)))
    assert kinds(found.unused) == [("format", "train", 1)]
    assert [(one.name, one.images) for one in found.splits] == [("train", 8), ("val", 4), ("test", 6)]


def test_train_alone_says_how_to_hold_out(root):
    shutil.rmtree(root / "test")
    with pytest.raises(DataError, match="neither val/ nor test/") as error:
        opened(root)
    assert "--val-fraction 0.2" in error.value.do
    assert len(opened(root, val_fraction=0.5).test) == 6


def test_avif_is_read_by_this_pillow():
    from PIL import features

    assert features.check("avif"), "the endings that are read hold where Pillow has its codec"
    assert ".avif" in Image.registered_extensions()
