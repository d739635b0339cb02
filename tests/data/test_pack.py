import errno
import json
import os
import signal
import subprocess
import sys

import pytest
from zoo import folder

from senet.data.shards.pack import ShardSize, pack
from senet.data.shards.tar import write
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError, ResourceError, UsageError


@pytest.fixture
def photos(tmp_path):
    return folder(tmp_path / "photos")


def left(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir() if path.name != "photos")


def test_the_same_folder_gives_the_same_bytes(photos, tmp_path):
    for name in ("a", "b"):
        pack(FolderSource(photos), tmp_path / name, ShardSize(samples=5))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"index.json", "train-00000.tar"} <= set(files)
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_shards_keep_to_the_size_and_a_larger_image_has_its_own(photos, tmp_path):
    index = pack(FolderSource(photos), tmp_path / "small", ShardSize(bytes=12_000))
    assert len(index.splits["train"]) > 1
    assert all(entry.bytes <= 12_000 + 10_240 for entry in index.splits["train"])  # tar pads to 20 blocks
    index = pack(FolderSource(photos), tmp_path / "single", ShardSize(bytes=1))
    assert [entry.samples for entry in index.splits["train"]] == [1] * 12


def test_an_out_that_is_not_empty_is_refused_and_kept(photos, tmp_path):
    (tmp_path / "out").mkdir()
    pack(FolderSource(photos), tmp_path / "out")
    before = sorted((tmp_path / "out").iterdir())
    with pytest.raises(UsageError, match="not empty"):
        pack(FolderSource(photos), tmp_path / "out")
    assert sorted((tmp_path / "out").iterdir()) == before


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_left(photos, tmp_path):
    (photos / "train" / "cat" / "gone.jpg").symlink_to("nowhere")
    with pytest.raises(DataError) as error:
        pack(FolderSource(photos), tmp_path / "out")
    assert "gone.jpg" in error.value.where
    assert left(tmp_path) == []


def test_a_full_disk_leaves_nothing(photos, tmp_path, monkeypatch):
    def full(archive, name, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "_add", full)
    with pytest.raises(ResourceError, match="No space left"):
        pack(FolderSource(photos), tmp_path / "out")
    assert left(tmp_path) == []


SLOWLY = """
import sys, time
from pathlib import Path
from senet.data.sources.image_folder import FolderSource
from senet.data.shards.pack import ShardSize, pack
def watch(done, total):
    print(done, flush=True)
    time.sleep(60)
pack(FolderSource(Path(sys.argv[1])), Path(sys.argv[2]), ShardSize(samples=4), watch)
"""


def test_a_pack_that_is_killed_leaves_no_folder_of_the_name(photos, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, photos, tmp_path / "out"], stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdout.readline() == b"4\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "out").exists()
    assert pack(FolderSource(photos), tmp_path / "out").classes == ("cat", "dog")


def test_hostile_names_become_keys_that_are_safe_and_tell_the_file(photos, tmp_path):
    names = ["a.b.c.jpg", "-dash.jpg", "new\nline.jpg", "\udcff\udcfe.jpg", "x" * 200 + ".jpg", "ü.JPG"]
    for name in names:
        (photos / "test" / "cat" / "00.jpg").rename(photos / "test" / "cat" / name)
        (photos / "test" / "cat" / "00.jpg").write_bytes((photos / "test" / "cat" / name).read_bytes())
    pack(FolderSource(photos), tmp_path / "out")
    found = json.loads((tmp_path / "out" / "test-00000.json").read_text())["names"]
    assert len(found) == 3 * 2 + len(names)
    assert all(name.isascii() and name.isprintable() and name.count(".") == 1 for name in found)
    assert any(name.endswith("-cat-a-b-c.jpg") for name in found)


def test_progress_ends_at_the_number_of_images(photos, tmp_path):
    said = []
    pack(FolderSource(photos), tmp_path / "out", ShardSize(samples=5), lambda *counts: said.append(counts))
    assert said == [(5, 18), (10, 18), (12, 18), (17, 18), (18, 18)]
