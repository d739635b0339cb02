"""How shards at an address become a copy here, and what can go wrong on the way."""

import errno
import json
import logging
import multiprocessing
import shlex
import shutil
import sys
import time
from collections import namedtuple

import pytest
from addresses import URL, upload
from fsspec.implementations.memory import MemoryFileSystem
from tars import numbers, opened, shards

from senet.data.shards import download as copying
from senet.data.shards.download import download_shards, shard_cache_folder
from senet.data.shards.index import ShardEntry, ShardIndex, to_text
from senet.errors import DataError, ResourceError, UsageError
from senet.utils.files import sha256

NAMES = ("test-00000.tar", "train-00000.tar", "train-00001.tar", "train-00002.tar")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def root(tmp_path):
    """Three shards of five samples and one of four."""
    return shards(tmp_path / "shards", 3, 5)


@pytest.fixture
def files(root):
    return upload(root)


def index(root, **changed):
    """The index of a folder, wrong in what a shard's name is given with."""
    sizes = zip(NAMES, (4, 5, 5, 5), strict=True)
    entries = {name: ShardEntry(name, n, (root / name).stat().st_size, sha256(root / name)) for name, n in sizes}
    splits = {"train": tuple(entries[name] for name in NAMES[1:]), "test": (entries[NAMES[0]],)}
    said = json.loads(to_text(ShardIndex(("even", "odd"), splits)))
    said["splits"]["train"][1] |= changed
    return json.dumps(said).encode()


@pytest.fixture
def files_with_index(files, root):
    files.pipe("/bucket/data/index.json", index(root))
    return files


def here():
    return sorted(path.name for path in shard_cache_folder(URL).rglob("*.tar"))


def images():
    return sorted(n for batch, _ in opened(URL).train_batches(1, 1) for n in numbers(batch))


@pytest.fixture(params=["plain", "index"])
def server(request, files, root):
    if request.param == "index":
        files.pipe("/bucket/data/index.json", index(root))
    return files


def test_a_second_opening_copies_nothing(server, fetched):
    download_shards(URL)
    assert sorted(fetched) == sorted(NAMES)
    fetched.clear()
    assert download_shards(f"{URL}/") == shard_cache_folder(URL)
    assert fetched == []


def test_a_shard_that_changed_is_fetched_again_and_no_other(server, root, fetched):
    download_shards(URL)
    fetched.clear()
    shutil.copy(shards(root.parent / "other", 4, 5) / "train-00003.tar", root / "train-00001.tar")
    server.pipe("/bucket/data/train-00001.tar", (root / "train-00001.tar").read_bytes())
    if server.exists("/bucket/data/index.json"):
        server.pipe("/bucket/data/index.json", index(root))
    assert images() == [0, 1, 2, 3, 4, *range(10, 20)]
    assert fetched == ["train-00001.tar"]


def test_a_shard_that_vanished_at_the_address_vanishes_here(files, fetched):
    download_shards(URL)
    files.rm("/bucket/data/train-00002.tar")
    assert images() == list(range(10))
    assert here() == list(NAMES[:3])


def test_a_listing_that_the_process_kept_is_not_believed(files, monkeypatch):
    find, kept = MemoryFileSystem.find, {}

    def cached(self, path, **options):
        return kept.setdefault(path, find(self, path, **options))

    monkeypatch.setattr(MemoryFileSystem, "find", cached)
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda self: kept.clear())
    download_shards(URL)
    files.rm("/bucket/data/train-00002.tar")
    download_shards(URL)
    assert here() == list(NAMES[:3])


def test_an_index_that_vanished_vanishes_here(files_with_index):
    assert opened(URL).classes == ("even", "odd")
    files_with_index.rm("/bucket/data/index.json")
    assert opened(URL).classes == ("0", "1")


def test_a_copy_whose_record_is_broken_is_made_again(server, fetched):
    (download_shards(URL) / "copied.json").write_text("{")
    fetched.clear()
    assert images() == list(range(15))
    assert sorted(fetched) == sorted(NAMES)


def failing(monkeypatch, name, error):
    """Let the address break off in the middle of a shard."""
    get_file = MemoryFileSystem.get_file

    def breaking(self, source, target):
        get_file(self, source, target)
        if source.endswith(name):
            with open(target, "rb+") as file:
                file.truncate(2000)
            raise error

    monkeypatch.setattr(MemoryFileSystem, "get_file", breaking)


@pytest.mark.parametrize("error", [ConnectionResetError("reset by peer"), KeyboardInterrupt()], ids=["lost", "Ctrl-C"])
def test_a_copy_that_is_interrupted_leaves_no_half_shard_and_goes_on(server, monkeypatch, fetched, error):
    with monkeypatch.context() as patch:
        failing(patch, "train-00001.tar", error)
        with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else DataError):
            download_shards(URL)
    assert "train-00001.tar" not in here()
    assert 0 < len(here()) < 4
    assert not list(shard_cache_folder(URL).glob(".*.tmp"))
    came = set(here())
    fetched.clear()
    assert images() == list(range(15))
    assert set(fetched) == {*NAMES} - came


def test_half_a_copy_is_never_taken_for_the_whole(server, monkeypatch):
    failing(monkeypatch, "train-00002.tar", ConnectionResetError("reset by peer"))
    with pytest.raises(DataError, match="reset by peer") as error:
        download_shards(URL)
    assert error.value.do == "check the address and the network", "no copy to be taken"
    with pytest.raises(DataError, match=r"missing: train-00002\.tar"):
        opened(shard_cache_folder(URL))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bytes": 1}, r"the shard has [\d,]+ bytes, not 1"),
        ({"sha256": "0" * 64}, "corrupt"),
        ({"sha256": ""}, "corrupt"),
    ],
)
def test_a_shard_that_is_not_what_the_index_says_is_refused_and_not_kept(files, root, changed, said):
    files.pipe("/bucket/data/index.json", index(root, **changed))
    with pytest.raises(DataError, match=said) as error:
        download_shards(URL)
    assert error.value.where.endswith("/bucket/data/train-00001.tar")
    assert "train-00001.tar" not in here()
    assert not list(shard_cache_folder(URL).glob(".*.tmp"))


@pytest.mark.parametrize("name", ["../out.tar", "/tmp/out.tar", "..", "", ".", "a/b.tar", "a\\b.tar", "copied.json"])
def test_an_index_cannot_name_what_lies_elsewhere(files, root, name):
    files.pipe("/bucket/data/index.json", index(root, name=name))
    with pytest.raises(DataError, match="the index is broken: a shard called"):
        download_shards(URL)
    assert here() == []


@pytest.mark.parametrize("name", ["train/../../../out.tar", "train\\..\\..\\out.tar"])
def test_a_listing_cannot_name_what_lies_elsewhere(files, monkeypatch, name):
    find = MemoryFileSystem.find

    def lying(self, path, maxdepth=None, withdirs=False, **kwargs):
        found = find(self, path, maxdepth, withdirs, **kwargs)
        return found | {f"/bucket/data/{name}": {"size": 1, "type": "file"}}

    monkeypatch.setattr(MemoryFileSystem, "find", lying)
    with pytest.raises(DataError, match="a shard called 'train"):
        download_shards(URL)
    assert here() == []


def test_too_little_room_is_said_before_anything_is_fetched(server, root, monkeypatch, fetched):
    monkeypatch.setattr(copying.shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 30_000))
    with pytest.raises(ResourceError, match=r"needs 0\.1 MB more; 0\.0 MB are free") as error:
        download_shards(URL)
    assert "XDG_CACHE_HOME" in error.value.do
    assert fetched == []


def test_a_disk_that_fills_up_is_named_with_what_is_needed(server, monkeypatch):
    failing(monkeypatch, "train-00001.tar", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ResourceError, match=r"a copy of the shards needs .* MB more; .* MB are free") as error:
        download_shards(URL)
    assert (error.value.where, error.value.exit_code) == (str(shard_cache_folder(URL)), 6)
    assert "XDG_CACHE_HOME" in error.value.do
    assert "train-00001.tar" not in here()


def test_a_place_that_cannot_be_written_is_named(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ResourceError, match="cannot write: Not a directory") as error:
        download_shards(URL)
    assert "XDG_CACHE_HOME" in error.value.do


@pytest.mark.parametrize("method", ["cat_file", "find"])
def test_no_answer_says_what_to_do_and_names_the_copy_as_it_can_be_typed(files, monkeypatch, tmp_path, method):
    def silent(*arguments, **options):
        raise TimeoutError

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "my cache"))
    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, method, silent)
        with pytest.raises(DataError, match="cannot read the address: TimeoutError") as error:
            download_shards(URL)
        assert error.value.do == "check the address and the network"
    download_shards(URL)
    monkeypatch.setattr(MemoryFileSystem, method, silent)
    with pytest.raises(DataError) as error:
        download_shards(URL)
    *_, flag, source = shlex.split(error.value.do)
    assert (flag, error.value.where) == ("--data", URL)
    assert len(opened(source.removeprefix("shards:")).train.labels) == 15


@pytest.mark.parametrize("url", ["memory://bucket/nowhere", "memory://bucket/empty"])
def test_nothing_there_is_said(files, url):
    files.mkdirs("/bucket/empty", exist_ok=True)
    with pytest.raises(DataError) as error:
        download_shards(url)
    assert error.value.where == url


@pytest.mark.parametrize(
    ("url", "module", "said"),
    [
        ("https://example.org/data", "aiohttp", "aiohttp"),
        ("s3://bucket/data", "s3fs", "s3fs"),
        ("what://x/y", "", "what"),
    ],
)
def test_what_is_not_installed_is_said(url, module, said, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"cannot open the address: .*{said}") as error:
        download_shards(url)
    assert "pip install 'senet[stream]'" in error.value.do


def test_how_far_a_copy_is_can_be_read(files, monkeypatch, caplog):
    monkeypatch.setattr(copying, "EVERY", -1.0)
    with caplog.at_level(logging.WARNING, "senet"):
        download_shards(URL)
    first, *others = caplog.messages
    assert first == f"{URL}: copying 4 shards, 0.1 MB, to {shard_cache_folder(URL)}"
    assert others[-1] == f"{URL}: 3 of 4 shards copied"


def copy(counter):
    get_file = MemoryFileSystem.get_file

    def slow(self, source, target):
        get_file(self, source, target)
        time.sleep(0.1)
        with counter:
            counter.value += 1

    MemoryFileSystem.get_file = slow
    download_shards(URL)


def test_two_processes_at_once_copy_once(files):
    context = multiprocessing.get_context("fork")
    counter = context.Value("i", 0)
    both = [context.Process(target=copy, args=(counter,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert counter.value == 4
    assert here() == sorted(NAMES)
