import pytest
from fsspec.implementations.memory import MemoryFileSystem


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    """Hashes of files are not kept in the user's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def fetched(monkeypatch):
    """The names of the shards that are fetched from an address in memory, as they come."""
    names, get_file = [], MemoryFileSystem.get_file

    def counted(self, source, target):
        names.append(source.removeprefix("/bucket/data/"))
        get_file(self, source, target)

    monkeypatch.setattr(MemoryFileSystem, "get_file", counted)
    return names
