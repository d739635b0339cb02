"""Which packages are installed, read from what senet itself says that it needs, so that no list is kept twice."""

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType

from packaging.requirements import Requirement

NO_EXTRA = ""  # the extra that is none
SKIPPED_EXTRAS = ("dev", "all")  # of who works on senet, and of no package of its own
PAIR = "pip install --upgrade torch torchvision"

# What is looked at, what was found, whether it is as it should be, what to do.
PackageFinding = tuple[str, str, bool, str]


def torch_or_none() -> ModuleType | None:
    """Return torch, None where it is not there or broken: :func:`required_packages` says so."""
    try:
        return importlib.import_module("torch")
    except Exception:  # a library of the system that it lacks is an OSError
        return None


def required_packages() -> Iterator[PackageFinding]:
    """Yield what senet needs in any case, and whether torch and torchvision fit each other and can be imported."""
    missing, there = _installed(_requirements()[NO_EXTRA])
    if missing:
        yield "packages", f"missing or too old: {', '.join(missing)}", False, "pip install --upgrade senet"
    yield "packages", ", ".join(there), True, ""
    for name in ("torch", "torchvision"):
        if said := _broken(name):
            yield name, said, False, PAIR
    if wanted := _torch_mismatch():
        yield "torchvision", f"it needs {wanted}, and torch is {metadata.version('torch')}", False, PAIR


def optional_packages() -> Iterator[PackageFinding]:
    """Yield each extra, and how to install it."""
    for extra, requirements in sorted(_requirements().items()):
        if extra == NO_EXTRA or extra in SKIPPED_EXTRAS:
            continue
        missing, there = _installed(requirements)
        do = f"pip install 'senet[{extra}]'"
        if missing:
            yield f"extra {extra}", f"not installed: {', '.join(missing)}", False, do
        else:
            yield f"extra {extra}", ", ".join(there), True, ""


def _requirements() -> dict[str, list[Requirement]]:
    """Return what senet's metadata asks for, by extra."""
    found: dict[str, list[Requirement]] = defaultdict(list)
    for text in metadata.requires("senet") or ():
        one = Requirement(text)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", str(one.marker or ""))
        found[extra[1] if extra else NO_EXTRA].append(one)
    return found


def _installed(requirements: list[Requirement]) -> tuple[list[str], list[str]]:
    """Return what is missing or of another version, and what is there with its version."""
    missing, there = [], []
    for one in requirements:
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            missing.append(f"{one.name}{one.specifier}")
            continue
        fits = one.specifier.contains(version, prereleases=True)
        there.append(f"{one.name} {version}") if fits else missing.append(f"{one.name}{one.specifier} ({version})")
    return missing, there


def _broken(name: str) -> str:
    """Return why a package cannot be imported; empty where it can, or is not there at all."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        return "" if error.name == name else str(error)
    except Exception as error:  # torchvision of another torch fails while it registers its operators
        return f"cannot be imported: {type(error).__name__}: {error}".partition("\n")[0]
    return ""


def _torch_mismatch() -> str:
    """Return the torch that torchvision asks for, where another one is there."""
    try:
        asked = [Requirement(text) for text in metadata.requires("torchvision") or ()]
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""
    wanted = next((one for one in asked if one.name == "torch"), None)
    fits = wanted is None or wanted.specifier.contains(version, prereleases=True)
    return "" if fits else str(wanted)
