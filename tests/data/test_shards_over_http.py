"""Shards at a real address: a web server on this machine, a process that is killed, a disk that is full."""

import os
import re
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tars import numbers, opened, shards
from zoo import TRANSFORM, folder

from senet.data import Batching, open_shards
from senet.data.shards.download import download_shards, shard_cache_folder
from senet.data.shards.pack import ShardSize, pack
from senet.data.shards.remote import open_url
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError
from small_disk import run_with

pytestmark = pytest.mark.slow
web = pytest.mark.enable_socket
SLOWLY = Path(__file__).with_name("slow_address.py")


class Server(SimpleHTTPRequestHandler):
    asked, broken, page, head = [], {}, None, True

    def log_message(self, *arguments):
        self.asked.append((self.command, self.path))

    def do_HEAD(self):
        super().do_HEAD() if self.head else self.send_error(501)

    def do_GET(self):
        code = self.broken.get(self.path)
        self.send_error(code) if code else super().do_GET()

    def list_directory(self, path):
        if self.page is not None:
            Path(path, "page.html").write_text(self.page)
            self.path += "page.html"
            return self.send_head()
        return super().list_directory(path)


def fetched():
    """Return the shards that were fetched since the last call."""
    names = [path.rpartition("/")[2] for command, path in Server.asked if command == "GET" and path.endswith("tar")]
    Server.asked.clear()
    return sorted(names)


@pytest.fixture
def root(tmp_path):
    return shards(tmp_path / "web" / "data", 3, 5)


@pytest.fixture
def url(root, monkeypatch):
    monkeypatch.setattr(Server, "asked", [])
    monkeypatch.setattr(Server, "broken", {})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=root.parent)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/data"
        server.shutdown()


def images(url):
    return sorted(n for batch, _ in opened(url).train_batches(1, 1) for n in numbers(batch))


@web
@pytest.mark.parametrize("head", [True, False], ids=["HEAD", "no HEAD"])
def test_shards_that_a_web_page_lists_are_copied_once_and_those_that_changed_again(root, url, head, monkeypatch):
    monkeypatch.setattr(Server, "head", head)
    assert images(url) == list(range(15))
    assert set(fetched()) == {path.name for path in root.iterdir()}
    download_shards(url)
    assert not fetched() or not head, "without HEAD, the beginning of each is asked for"
    changed = shards(root.parent / "other", 4, 5) / "train-00003.tar"
    os.utime(changed, (2e9, 2e9))
    changed.rename(root / "train-00001.tar")
    (root / "train-00002.tar").unlink()
    assert images(url) == [0, 1, 2, 3, 4, *range(15, 20)]
    assert fetched() == ["train-00001.tar"] or not head


@web
def test_folders_of_splits_are_listed(root, url):
    for path in list(root.iterdir()):
        split, number = path.stem.split("-")
        (root / split).mkdir(exist_ok=True)
        path.rename(root / split / f"{number}.tar")
    Server.broken["/data"] = 404  # not every server leads on to the name with a slash
    assert images(f"{url}/") == list(range(15))


@web
def test_packed_shards_need_no_listing(url, root, tmp_path, monkeypatch):
    pack(FolderSource(folder(tmp_path / "photos")), root.parent / "packed", ShardSize(samples=6))
    monkeypatch.setattr(Server, "page", "nothing")
    feeds = [open_shards(at, TRANSFORM, Batching(4)) for at in (url.replace("data", "packed"), root.parent / "packed")]
    assert len({feed.fingerprint() for feed in feeds}) == 1
    assert {command for command, _ in Server.asked} == {"GET"}


@web
def test_a_page_cannot_name_what_lies_elsewhere(url, root, monkeypatch):
    page = '<a href="train-00000.tar">a</a> <a href="train/../../../../train-9.tar">b</a>'
    monkeypatch.setattr(Server, "page", page)
    with pytest.raises(DataError, match=r"a shard called 'train/\.\./"):
        download_shards(url)
    assert not list(shard_cache_folder(url).rglob("*.tar"))


@web
@pytest.mark.parametrize("what", ["/data/index.json", "/data/"])
def test_a_server_that_is_out_of_order_costs_no_copy(url, root, what):
    download_shards(url)
    Server.broken[what] = 503
    with pytest.raises(DataError, match="503") as error:
        download_shards(url)
    path = Path(re.search("--data shards:(.*)", error.value.do)[1])
    assert images(path) == list(range(15))


@web
def test_a_shard_may_take_any_time_but_silence_may_not():
    timeout = open_url("https://example.org/data")[0].client_kwargs["timeout"]
    assert timeout.total is None
    assert 0 < timeout.sock_read <= 60


@web
def test_nobody_there_is_said(url):
    with pytest.raises(DataError, match=r"cannot read the address: .*127\.0\.0\.1:1") as error:
        download_shards("http://127.0.0.1:1/data")
    assert error.value.where == "http://127.0.0.1:1/data"


def test_a_process_that_is_killed_in_the_middle_of_a_shard_leaves_whole_ones_and_the_next_goes_on(root):
    url = root.as_uri()
    with subprocess.Popen([sys.executable, SLOWLY, url, "train-00001.tar"], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half\n"
        process.kill()
    copy = shard_cache_folder(url)
    assert sorted(path.name for path in copy.glob("*.tar")) == ["test-00000.tar", "train-00000.tar"]
    before = {path: path.stat().st_mtime_ns for path in copy.glob("*.tar")}
    assert images(url) == list(range(15))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(copy.glob(".*.tmp"))


@pytest.mark.parametrize("size", ["64k", "20k"])
def test_a_file_system_that_is_really_full_says_what_is_needed(root, tmp_path, monkeypatch, size):
    (tmp_path / "disk").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "disk"))
    done = run_with(tmp_path / "disk", size, SLOWLY, root.as_uri())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 "), done.stdout + done.stderr
    assert "MB are free" in done.stdout
    assert "XDG_CACHE_HOME" in done.stdout
