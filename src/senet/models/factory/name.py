"""The names of models, read once: whose a model is, and what it is called there.

resnet50, senet:NAME        a network of ours, one of senet.NETWORKS
torchvision:NAME            a name of torchvision.models.list_models()
timm:NAME                   a name of timm.list_models(), with or without the tag of its weights
MODULE.PATH:FUNCTION        a function, or the class itself, that makes the model when it is called without arguments
FILE.py:FUNCTION            likewise, in a file
PATH                        a file of weights that says what it is of, or a folder of `senet insert`
"""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from senet.errors import UsageError, did_you_mean
from senet.metadata import RECORD_FILE
from senet.networks import NETWORKS
from senet.networks.network import Geometry

LibraryName = Literal["senet", "torchvision", "timm"]
Kind = Literal["senet", "torchvision", "timm", "function", "saved"]
SUFFIX = ".safetensors"  # of weights that say what they are of
FORMS = "torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION, FILE.py:FUNCTION, or a file or folder that senet wrote"


@dataclass(frozen=True)
class ModelName:
    """A model.

    Args:
        kind: Whose it is.
        name: In its library; the function with its module or file; the path.
        geometry: Of a network of ours, as files of earlier versions say it in the name.
    """

    kind: Kind
    name: str
    geometry: Geometry | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.kind in get_args(LibraryName) else self.name

    @property
    def title(self) -> str:
        """As people write it."""
        return self.name if self.kind == "senet" else str(self)

    @property
    def architecture(self) -> str:
        """What a library calls the model, without the tag of its weights; empty for a user's own."""
        name = {"timm": self.name.partition(".")[0], "torchvision": self.name, "senet": self.name}
        return name.get(self.kind, "")


def read_name(text: str) -> ModelName:
    """Read a name as users write it.

    Raises:
        UsageError: It names nothing; says which forms there are.
    """
    prefix, colon, rest = text.partition(":")
    if prefix in get_args(LibraryName) and colon:
        return _of_library(cast(LibraryName, prefix), rest)
    if prefix == "hub":
        raise UsageError(f"{text} names weights, not a model", do=_of_weights(text))
    if text.endswith((SUFFIX, RECORD_FILE)) or (Path(text) / RECORD_FILE).is_file():
        return _saved(Path(text))
    if colon and prefix and rest:
        return _function(text)
    if text in NETWORKS:  # whatever folder is called so too
        return ModelName("senet", text)
    if text and Path(text).is_dir():
        return _saved(Path(text))
    raise _unknown(text)


def recorded_name(text: str) -> ModelName:
    """Read the name in a record, of today or of a version before: a geometry may stand behind it."""
    if text.startswith("senet:") and "@" in text:
        name, _, geometry = text.removeprefix("senet:").partition("@")
        return ModelName("senet", name, cast(Geometry, geometry))
    if text in NETWORKS:
        return ModelName("senet", text)
    prefix, _, rest = text.partition(":")
    return ModelName(cast(Kind, prefix), rest) if prefix in get_args(LibraryName) else ModelName("function", text)


def _of_library(library: LibraryName, name: str) -> ModelName:
    plain, at, geometry = name.partition("@")
    if not name:
        raise UsageError(f"{library}: does not say which model", do=f"write {library}:NAME")
    if library == "senet" and at:
        do = f'--network {plain} --geometry {geometry} (geometry="{geometry}" in Python)'
        do = do if geometry in get_args(Geometry) else f"the geometries are {' and '.join(get_args(Geometry))}"
        raise UsageError(f"a name has no geometry: senet:{name}", do=do)
    if library == "senet" and name not in NETWORKS:
        raise _unknown(name)
    return ModelName(library, name)


def _saved(path: Path) -> ModelName:
    if path.is_dir() and not (path / RECORD_FILE).is_file():
        files = [path / "weights" / name for name in ("best.safetensors", "last.safetensors")]
        found = [str(file) for file in files if file.is_file()]
        do = f"name the file itself: {found[0]}" if found else "a folder of senet insert has one"
        raise UsageError(f"the folder has no {RECORD_FILE}", where=str(path), do=do)
    if not path.exists():
        raise UsageError("no such file", where=str(path), do="check the path")
    return ModelName("saved", str(path))


def _function(text: str) -> ModelName:
    before, _, function = text.rpartition(":")
    if not (function.isidentifier() and before):
        raise UsageError(f"{text!r} names no function", do="write it as MODULE.PATH:FUNCTION or FILE.py:FUNCTION")
    return ModelName("function", text)


def _of_weights(text: str) -> str:
    return f"name their network, --network NAME, and these (--weights {text})"


def _unknown(text: str) -> UsageError:
    if text.endswith(".py"):
        return UsageError(f"{text} is a file, not a function in it", do=f"name one: {text}:FUNCTION")
    if Path(text).suffix in (".pth", ".pt", ".bin", ".tar", ".ckpt", ".caffemodel"):
        return UsageError(f"{text} does not name the model of its weights", do=_of_weights(text))
    if not text.strip(":"):
        return UsageError(f"{text!r} names no network", do=f"senet models lists ours; others are {FORMS}")
    library, separator, name = text.replace(".", "/").partition("/")
    if separator and library in get_args(LibraryName):
        do = f"did you mean {library}:{name.rpartition('/')[2]}?"
        return UsageError(f"no network is called {text!r}", do=do)
    if Path(text).name != text:
        return UsageError("no such file or folder", where=text, do="check the path")
    from torchvision.models import list_models  # timm takes seconds to import, so it is not asked

    do = f"senet models lists ours; others are {FORMS}"
    if text in list_models():
        do = f"did you mean torchvision:{text}?"
    elif difflib.get_close_matches(text.lower(), NETWORKS, n=1):
        do = did_you_mean(text, NETWORKS)
    return UsageError(f"no network is called {text!r}", do=do)
