"""Archives, pickles, and archives that are cut: nothing is unpacked, nothing unpickled before its checksum is right."""

import hashlib
import io
import pickle
import tarfile

import pytest
from torchvision.datasets import CIFAR10
from zoo import feed, folder

from senet.data import DataConfig, load
from senet.data.check.check import check
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError


def hostile_archive(path):
    with tarfile.open(path, "w") as archive:
        for name in ("../outside.txt", "/tmp/absolute.txt", "train/cat/0.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    return path


@pytest.mark.parametrize(
    "opened", [feed, lambda path: check(FolderSource(path)), lambda path: load(DataConfig(f"folder:{path}"))]
)
def test_row_17_an_archive_is_not_unpacked_and_nothing_is_written(tmp_path, opened):
    path = hostile_archive(tmp_path / "data" / "photos.tar") if (tmp_path / "data").mkdir() is None else None
    with pytest.raises(DataError, match="archives are not read"):
        opened(path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["data", "photos.tar"]


def test_row_17_and_18_archives_and_pickles_within_a_folder_are_listed_and_not_opened(tmp_path):
    root = folder(tmp_path / "photos")
    hostile_archive(root / "train" / "cat" / "more.tar")
    for name in ("cache.pkl", "pixels.npy", "shard.pyd", "pixels.npz"):
        (root / "train" / "cat" / name).write_bytes(pickle.dumps("x"))
    assert len(feed(root).train) == 12
    listed = [
        finding.path.split("/")[-1]
        for finding in check(FolderSource(root)).findings
        if finding.kind in ("other", "format")
    ]
    assert listed == ["cache.pkl", "more.tar", "pixels.npy", "pixels.npz", "shard.pyd"]


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_row_18_a_cifar_pickle_with_a_payload_is_refused_by_its_checksum_before_it_is_read(tmp_path):
    batches = tmp_path / CIFAR10.base_folder
    batches.mkdir()
    content = pickle.dumps(Payload(tmp_path / "owned"))
    for name, _ in CIFAR10.train_list + CIFAR10.test_list:
        (batches / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        load(DataConfig("cifar10", data_dir=str(tmp_path)))
    assert not (tmp_path / "owned").exists()
    assert f"expected md5 {CIFAR10.train_list[0][1]}, got {hashlib.md5(content).hexdigest()}" in error.value.what
    assert error.value.where == str(batches / "data_batch_1")


def test_row_19_a_truncated_cifar_archive_is_named_with_both_checksums(tmp_path):
    (tmp_path / CIFAR10.filename).write_bytes(b"\x1f\x8b cut")
    with pytest.raises(DataError, match=rf"expected md5 {CIFAR10.tgz_md5}, got ") as error:
        load(DataConfig("cifar10", data_dir=str(tmp_path)))
    assert "delete it and fetch it again" in error.value.do
    assert error.value.where == str(tmp_path / CIFAR10.filename)
