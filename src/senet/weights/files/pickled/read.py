"""Read a file of torch.save's: the tensors and plain values in it, and inert stubs for whatever else it names.

torch's restricted reader does the reading (``weights_only=True``). It looks its classes up in a table and never imports
one; each name that the file has is put into that table with a class of ours, so that nothing else can be called. What
that reader would do without asking is refused beforehand (:mod:`~senet.weights.files.pickled.scan`).
"""

import threading
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from senet.errors import WeightsError
from senet.weights.files.pickled.opcodes import scan_pickle
from senet.weights.files.pickled.rules import RefusedError
from senet.weights.files.pickled.scan import PickleScanner
from senet.weights.files.pickled.stubs import StubDict, StubList, StubObject, make_stub

MOST_EXPANSION = 10  # that an archive may be larger than its file: torch.save does not compress
FETCH = "fetch it again"
_SAFE_GLOBALS_LOCK = threading.Lock()  # torch's table is one for the process


def load_pickle(path: Path) -> object:
    """Return what a file of torch.save's holds, stubs in it, without importing or running anything that it names.

    Raises:
        WeightsError: The file is damaged, asks for the system, or would take more than its size to read.
    """
    try:
        archive = _is_archive(path)
        scanners = _scan_archive(path) if archive else _scan_legacy(path)
        names = {name: _kind(name, scanners) for scanner in scanners for name in scanner.names}
        with _only_safe_globals([make_stub(name, like) for name, like in names.items()]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it would warn of is refused, or said by us
            loaded: object = torch.load(path, map_location="cpu", weights_only=True)
    except RefusedError as error:
        raise (_asks(path, error.asks) if error.asks else _unreadable(path, str(error))) from error
    except Exception as error:  # a damaged pickle raises whatever its bytes spell
        # Torch's message goes on to advise weights_only=False.
        said = str(error).strip().partition(" In PyTorch ")[0].splitlines()
        raise _unreadable(path, said[0] if said else type(error).__name__) from error
    return loaded


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"  # torch's own rule: what is looked through must be what it reads


def _unreadable(path: Path, what: str) -> WeightsError:
    if "pickle protocol" in what or "calls what" in what or "holds" in what:
        do = "where you trust it, load it yourself and save torch.save(model.state_dict(), FILE)"
        return WeightsError(f"not read: {what}", where=str(path), do=do)
    return WeightsError(f"not a readable file of torch.save: {what}", where=str(path), do=FETCH)


def _asks(path: Path, name: str) -> WeightsError:
    what = f"reading the file would run foreign code, {name}; nothing was run"
    do = "do not open it; ask its author for safetensors, or for torch.save(model.state_dict(), ...)"
    return WeightsError(what, where=str(path), do=do)


def _kind(name: str, scanners: Sequence[PickleScanner]) -> type:
    if any(name in scanner.filled_as_dict for scanner in scanners):
        return StubDict
    return StubList if any(name in scanner.filled_as_list for scanner in scanners) else StubObject


def _scan_archive(path: Path) -> list[PickleScanner]:
    """Look through the pickle of an archive, as torch's own reader finds it."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        names = {Path(member.filename).name for member in archive.infolist()}
    if unpacked > MOST_EXPANSION * size:
        raise RefusedError(f"its {size:,} bytes unpack to {unpacked:,}")
    if "constants.pkl" in names:
        raise RefusedError("it holds code, a TorchScript archive, not a checkpoint")
    record = torch._C.PyTorchFileReader(str(path)).get_record("data.pkl")
    return [scan_pickle(BytesIO(record), unpacked)]


def _scan_legacy(path: Path) -> list[PickleScanner]:
    """Look through the five pickles of a file from before torch 1.6: three of it itself, the object, the storages."""
    scanners = []
    with path.open("rb") as file:
        for _ in range(5):
            scanners.append(scan_pickle(file, path.stat().st_size))
    if scanners[3].storages - scanners[4].texts:
        raise RefusedError("it lacks the values of tensors")
    return scanners


@contextmanager
def _only_safe_globals(classes: Sequence[Any]) -> Iterator[None]:
    """Let torch's restricted reader know these classes by the names that they stand in for, and none of anybody's."""
    with _SAFE_GLOBALS_LOCK:
        before = torch.serialization.get_safe_globals()
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals([(one, one.foreign) for one in classes])
        try:
            yield
        finally:
            torch.serialization.clear_safe_globals()
            torch.serialization.add_safe_globals(before)
