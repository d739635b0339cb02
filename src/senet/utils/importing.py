"""Code of the user's own, named as MODULE.PATH:NAME or FILE.py:NAME and imported: the one place that does so.

What is named on a command line, in a study's file or in Python is the user's word. No file of weights is one.
"""

import contextlib
import importlib.util
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from senet.errors import UsageError, did_you_mean

PACKAGE = str(Path(__file__).parents[1]) + os.sep


def import_object(address: str, forms: str = "write it as MODULE.PATH:NAME or FILE.py:NAME") -> Any:
    """Import a module or file, whose code runs, and return what is called so in it.

    Args:
        address: ``MODULE.PATH:NAME`` or ``FILE.py:NAME``.
        forms: What to say of ways to write it, where no such module is found.

    Raises:
        UsageError: No such module, file or name, or importing it fails.
    """
    where, _, name = address.rpartition(":")
    module = _file(Path(where)) if where.endswith(".py") else _module(where, forms)
    if not hasattr(module, name):
        offered = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UsageError(f"{where} has no {name}", do=did_you_mean(name, offered))
    return getattr(module, name)


def source_file(address: str) -> Path | None:
    """Return the file that an address lies in, without running it; None where there is none."""
    where = address.rpartition(":")[0]
    if where.endswith(".py"):
        return Path(where) if Path(where).is_file() else None
    module = sys.modules.get(where)
    file = getattr(module, "__file__", None)
    return Path(file) if file else None


def describe_error(error: BaseException) -> str:
    """Say what a user's code raised and in which line of a file that is not senet's, the innermost."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith(PACKAGE) and f.filename[0] != "<"]
    at = f" ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}{at}"


def _module(module: str, forms: str) -> Any:
    """Import a module; the current folder comes first, as for ``python -m``."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a module prints is no part of a command's output
            return import_module(module)
    except (Exception, SystemExit) as error:  # a user's module may do anything
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise UsageError(f"no module is called {error.name!r}", do=forms) from error
        raise UsageError(f"importing {module} fails", where=describe_error(error), do="fix the module") from error


def _file(path: Path) -> Any:
    """Run a file as a module; the modules beside it can be imported by it."""
    if not path.is_file():
        raise UsageError("no such file", where=str(path), do="check the path")
    spec: Any = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    if str(path.resolve().parent) not in sys.path:
        sys.path.insert(0, str(path.resolve().parent))
    sys.modules.setdefault(path.stem, module)  # where pickle and dataclasses look for what the file defines
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file may do anything
        raise UsageError(f"running {path} fails", where=describe_error(error), do="fix the file") from error
    return module
