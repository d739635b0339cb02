"""Images that train and test share; data that changed between two runs; the cache of hashes."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from zoo import feed, folder, look, scene

from senet.data.check.check import check
from senet.data.check.duplicates import NEAR, InspectedImage, find_leaks
from senet.data.hashing import cache_file
from senet.data.sources.image_folder import FolderSource


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos", train=8, test=8)


def found(root, kind):
    return [(finding.path, finding.detail) for finding in check(FolderSource(root)).findings if finding.kind == kind]


def test_pictures_that_differ_are_no_leak(root):
    assert check(FolderSource(root)).findings == ()


def test_row_20_a_copied_file_in_train_and_test_is_a_leak_and_an_error(root):
    copy = root / "test" / "dog" / "copy.jpg"
    copy.write_bytes((root / "train" / "cat" / "03.jpg").read_bytes())
    assert found(root, "leak") == [
        ("test/dog/copy.jpg", "the same file as train/cat/03.jpg, under another label: dog, not cat")
    ]
    assert not check(FolderSource(root)).clean


@pytest.mark.parametrize(
    "options", [{"format": "PNG"}, {"format": "JPEG", "quality": 75}, {"format": "WEBP", "quality": 80}]
)
@pytest.mark.parametrize("scale", [1, 0.7, 3])
def test_row_20_a_picture_that_was_encoded_again_is_found(root, options, scale):
    source = scene(700, 96, 128)
    source.save(root / "train" / "cat" / "03.jpg", quality=90)
    again = source.resize((int(source.width * scale), int(source.height * scale)), Image.Resampling.BICUBIC)
    again.save(root / "test" / "cat" / "again.jpg", **options)
    assert found(root, "near-leak") == [("test/cat/again.jpg", "looks like train/cat/03.jpg, encoded again")]


def test_blank_pictures_are_not_taken_for_copies(root):
    for split in ("train", "test"):
        Image.new("RGB", (20, 20), "white").save(root / split / "cat" / f"{split}.png")
        Image.new("RGB", (30, 20), "white").save(root / split / "cat" / f"{split}2.png")
    assert found(root, "near-leak") == []


def test_candidates_leave_out_no_near_pair(tmp_path):
    """Against the loop over all pairs."""
    rng = np.random.default_rng(0)
    train, test = [], []
    for i in range(60):
        pixels = np.asarray(scene(i, 8, 8)).astype(int)
        train.append(seen(tmp_path, f"a{i}", pixels))
        test.append(seen(tmp_path, f"b{i}", (pixels + rng.integers(-i // 6, i // 6 + 1, pixels.shape)).clip(0, 255)))
    expected = {
        b.path
        for b in test
        if min(np.abs(thumbnail(a) - thumbnail(b)).mean() for a in train) <= NEAR and a_copy(train, b) is None
    }
    assert 10 < len(expected) < 50
    assert {leak.held_out for leak in find_leaks(train, test) if not leak.exact} == expected


def a_copy(train, b):
    return next((a for a in train if a.inspection.digest == b.inspection.digest), None)


def thumbnail(image):
    return np.frombuffer(image.inspection.thumbnail, np.uint8).astype(int)


def seen(tmp_path, name, pixels):
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{name}.png")
    return InspectedImage(name, look(tmp_path / f"{name}.png"))


def touched(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


CHANGES = {
    "touched": lambda root: touched(root / "test" / "cat" / "00.jpg"),
    "added": lambda root: scene(500).save(root / "train" / "cat" / "new.jpg"),
    "removed": lambda root: (root / "train" / "cat" / "00.jpg").unlink(),
    "renamed": lambda root: (root / "train" / "cat" / "00.jpg").rename(root / "train" / "cat" / "zz.jpg"),
    "moved to another class": lambda root: (root / "train" / "cat" / "00.jpg").rename(root / "train" / "dog" / "x.jpg"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_row_21_data_that_changed_has_another_fingerprint(root, change):
    before = feed(root).fingerprint()
    assert feed(root).fingerprint() == before
    CHANGES[change](root)
    assert feed(root).fingerprint() != before


def test_another_share_for_validation_has_another_fingerprint(root):
    assert feed(root, share=0.2).fingerprint() != feed(root).fingerprint()


def test_the_fingerprint_does_not_depend_on_the_folders_place_or_times(root, tmp_path):
    before = feed(root).fingerprint()
    root.rename(tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere").rglob("*.jpg"):
        os.utime(path, (1, 1))
    assert feed(tmp_path / "elsewhere").fingerprint() == before


def test_hashes_are_kept_and_files_are_not_read_again(root, monkeypatch):
    before = feed(root).fingerprint()
    monkeypatch.setattr("senet.data.hashing.hashlib.file_digest", None)
    assert feed(root).fingerprint() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        pytest.param(b"[" * 100_000, id="deep"),
        b'{"train/cat/00.jpg": [1, 2]}',
        b'{"x": null}',
    ],
)
def test_row_26_a_broken_cache_of_hashes_is_made_again_with_a_note(root, content, caplog):
    before = feed(root).fingerprint()
    cache = cache_file(root)
    cache.write_bytes(content)
    assert caplog.text == ""
    assert feed(root).fingerprint() == before
    assert str(cache) in caplog.text
    assert "files are hashed again" in caplog.text
    caplog.clear()
    assert len(json.loads(cache.read_text())) >= 32
    assert feed(root).fingerprint() == before
    assert caplog.text == ""


def test_row_26_a_stale_entry_of_the_cache_is_hashed_again_without_a_word(root, caplog):
    before = feed(root).fingerprint()
    path = root / "train" / "cat" / "00.jpg"
    touched(path)
    os.utime(path, (10**9, 10**9))
    assert feed(root).fingerprint() != before
    assert caplog.text == "", "a file that was edited is no fault of the cache"


def test_row_26_a_cache_that_cannot_be_written_costs_nothing_but_time(root, monkeypatch, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    assert len(feed(root).fingerprint()) == 64


def test_a_file_that_cannot_be_read_has_a_place_in_the_fingerprint(root):
    before = feed(root).fingerprint()
    (root / "train" / "cat" / "gone.jpg").symlink_to("nowhere")
    assert feed(root).fingerprint() != before
