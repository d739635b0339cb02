"""What lies at an address: the shards, by its index or its listing, and what shows that one has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from senet.data.shards import index
from senet.data.shards.layout import LAYOUT, is_shard
from senet.data.shards.tar.members import is_unsafe_path
from senet.errors import DataError, UsageError
from senet.utils.text import printable

# What file systems say of a change, each by its own name; the most exact ones first.
CHANGES = ("ETag", "etag", "blob_id", "LastModified", "last_modified", "Last-Modified", "updated", "mtime", "created")
INSTALL = "pip install 'senet[stream]'; s3:// needs s3fs too, gs:// gcsfs"


@dataclass(frozen=True)
class RemoteShard:
    """A shard at an address.

    Args:
        name: Relative to the address.
        size: In bytes; None where the server does not say.
        stamp: Another one means another content.
        sha256: What the index says; None without one.
    """

    name: str
    size: int | None
    stamp: str
    sha256: str | None = None


def open_url(url: str) -> tuple[Any, str]:
    """Return what reads an address, and the path it has there.

    Raises:
        UsageError: Nothing that is installed reads it.
    """
    options: dict[str, Any] = {}
    try:
        import fsspec  # torch brings it

        if url.startswith(("http://", "https://")):
            import aiohttp

            # No limit on the whole: fsspec's own ends every shard that takes more than five minutes.
            limit = aiohttp.ClientTimeout(sock_connect=30, sock_read=60)
            options["client_kwargs"] = {"timeout": limit, "trust_env": True}  # proxies, as other programs take them
        files, root = fsspec.core.url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        raise UsageError(f"cannot open the address: {printable(error)}", where=printable(url), do=INSTALL) from error
    files.invalidate_cache()  # of listings, which a process would keep
    return files, root.rstrip("/")


def read_remote_index(files: Any, root: str) -> str | None:
    """Return the text of an address's index; None where it has none."""
    try:
        return str(files.cat_file(f"{root}/{index.INDEX}"), "utf-8", "replace")
    except FileNotFoundError:
        return None


def shards_of_index(text: str, url: str) -> list[RemoteShard]:
    """Return the shards that an index names.

    Raises:
        DataError: It is broken.
    """
    known = index.from_text(text, f"{printable(url)}/{index.INDEX}")
    entries = (entry for entries in known.splits.values() for entry in entries)
    return [RemoteShard(entry.name, entry.bytes, entry.sha256, entry.sha256) for entry in entries]


def list_remote_shards(files: Any, root: str, url: str) -> tuple[list[RemoteShard], list[str]]:
    """Return the shards that an address lists, in a folder for each split or without, and what lies beside them.

    Raises:
        DataError: No shards, or a name that leads out of the folder.
    """
    found = files.find(f"{root}/", maxdepth=2, detail=True)
    there = sorted(path.removeprefix(f"{root}/") for path in found)
    names = list(filter(is_shard, there))
    _require_names(names, there, url)
    return [_stamped(name, found[f"{root}/{name}"], files, root) for name in names], sorted({*there}.difference(names))


def _require_names(names: Sequence[str], there: Sequence[str], url: str) -> None:
    if not names:
        below = [name for name in there if is_shard(name.rpartition("/")[2])]
        do = f"name the folder of the shards: --data shards:{url}/{below[0].rpartition('/')[0]}" if below else LAYOUT
        raise DataError("neither an index.json nor a list of shards", where=printable(url), do=printable(do))
    for name in filter(is_unsafe_path, names):
        raise DataError(
            f"a shard called {printable(name)!r}", where=printable(url), do="take the shards from elsewhere"
        )


def _stamped(name: str, info: dict[str, Any], files: Any, root: str) -> RemoteShard:
    if info.get("size") is None:  # a web page lists names alone
        info = files.info(f"{root}/{name}")
    said = next((info[key] for key in CHANGES if info.get(key)), "")
    return RemoteShard(name, info.get("size"), f"{info.get('size')} {said}")
