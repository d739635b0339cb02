"""build(): the model that a source names, with random weights; nothing is downloaded.

torchvision:NAME    a name of torchvision.models.list_models()
timm:NAME           a name of timm.list_models(), with or without the tag of its weights
senet:NAME          a name of senet.NETWORKS; ``senet:NAME@torch`` in the geometry of torchvision and timm
MODULE.PATH:NAME    a function, or the class itself, that makes the model when it is called without arguments
"""

import difflib
import inspect
import traceback
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, cast

from torch import nn

from senet.errors import SenetError, UsageError, nearest
from senet.networks import create


def build(source: str, classes: int | None = None) -> nn.Module:
    """Build the model that a source names; its weights are drawn from torch's global generator.

    A ``MODULE.PATH:NAME`` is imported, which runs its code: pass only what you would import.

    Args:
        source: See above.
        classes: Outputs of the classifier; the source's own number if None.

    Raises:
        UsageError: No such source, name, module or function, a library that is not installed, or a model that
            cannot be built so.
    """
    prefix, colon, name = source.partition(":")
    if not (prefix and colon and name):
        forms = ", ".join(f"{library}:{source or 'NAME'}" for library in BUILDERS)
        raise UsageError(f"{source!r} does not say whose model it is", do=f"{forms} or MODULE.PATH:FUNCTION")
    if is_foreign(source):
        return from_factory(prefix, name, classes)
    return BUILDERS[prefix](name, classes)


def is_foreign(source: str) -> bool:
    """Whether building the model imports a module of somebody's choice."""
    return source.partition(":")[0] not in BUILDERS


def architecture(source: str) -> str:
    """Return what a library calls the model, without the tag of its weights; empty for a user's own."""
    prefix, _, name = source.partition(":")
    return "" if is_foreign(source) else {"timm": name.partition(".")[0]}.get(prefix, name)


def from_torchvision(name: str, classes: int | None) -> nn.Module:
    """Build a model of torchvision's registry."""
    from torchvision.models import get_model_builder, list_models

    known = list_models()
    if name not in known:
        raise _unknown("torchvision", name, known, "torchvision.models.list_models() lists them")
    builder = get_model_builder(name)
    absent = [p for p in ("weights", "weights_backbone") if p in inspect.signature(builder).parameters]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # GoogLeNet and Inception v3 announce another initialisation
        return _made(f"torchvision:{name}", builder, dict.fromkeys(absent) | _numbered(classes))


def from_timm(name: str, classes: int | None) -> nn.Module:
    """Build a model of timm's registry."""
    try:
        timm: Any = import_module("timm")
    except ModuleNotFoundError as error:
        raise UsageError(f"timm is not installed ({error.name} is missing)", do="pip install 'senet[timm]'") from error
    if not timm.is_model(name.partition(".")[0]):
        raise _unknown("timm", name, timm.list_models(), "timm.list_models() lists them")
    return _made(f"timm:{name}", timm.create_model, {"model_name": name, "pretrained": False} | _numbered(classes))


def from_senet(name: str, classes: int | None) -> nn.Module:
    """Build a network of ours, with its published attention."""
    name, _, geometry = name.partition("@")
    return create(name, num_classes=classes, geometry=cast(Any, geometry or None))


BUILDERS: dict[str, Callable[[str, int | None], nn.Module]] = {
    "torchvision": from_torchvision,
    "timm": from_timm,
    "senet": from_senet,
}


def from_factory(module: str, name: str, classes: int | None) -> nn.Module:
    """Import a user's module and call a function of it."""
    source = f"{module}:{name}"
    if classes is not None:
        raise UsageError(f"{source} is called without arguments, so classes={classes} cannot reach it")
    factory = getattr(_imported(module), name, None)
    if factory is None:
        raise UsageError(f"{module} has no {name}", do=nearest(name, _offered(_imported(module))))
    if isinstance(factory, nn.Module) or not callable(factory):
        kind = type(factory).__name__
        raise UsageError(f"{source} is a {kind}, not a function that makes a model", do="name a function or a class")
    return checked(source, factory)


def checked(source: str, factory: Callable[[], nn.Module]) -> nn.Module:
    """Call a factory.

    Raises:
        UsageError: It fails, or does not return a module.
    """
    model: object = _made(source, factory, {})
    if not isinstance(model, nn.Module):
        raise UsageError(f"{source} returned a {type(model).__name__}, not a torch.nn.Module", do="return the model")
    return model


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except (Exception, SystemExit) as error:  # a user's module may do anything
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise UsageError(f"no module is called {error.name!r}", do=_forms(module)) from error
        raise UsageError(f"importing {module} fails", where=_explained(error), do="mend the module") from error


def _made(source: str, make: Callable[..., nn.Module], arguments: dict[str, Any]) -> nn.Module:
    try:
        return make(**arguments)
    except SenetError:
        raise
    except (Exception, SystemExit) as error:  # a builder may raise anything
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items() if value is not None)
        do = f"it was called with {given or 'no arguments'}; a function of your own can make it otherwise"
        raise UsageError(f"{source} cannot be built", where=_explained(error), do=do) from error


def _numbered(classes: int | None) -> dict[str, int]:
    if classes is not None and classes < 1:
        raise UsageError(f"classes={classes} is below 1")
    return {} if classes is None else {"num_classes": classes}


def _explained(error: BaseException) -> str:
    """Say what was raised and in which line of a file that is not this one, the innermost."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__ and f.filename[0] != "<"]
    at = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}{at}"


def _offered(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def _unknown(library: str, name: str, known: Iterable[str], listing: str) -> UsageError:
    close = difflib.get_close_matches(name.lower(), known, n=3)
    do = f"did you mean {', '.join(close)}?" if close else listing  # there are hundreds
    return UsageError(f"{library} has no model called {name!r}", do=do)


def _forms(prefix: str) -> str:
    close = difflib.get_close_matches(prefix.lower(), BUILDERS, n=1)
    mean = f"did you mean {close[0]}:NAME? " if close else ""
    return f"{mean}sources are {', '.join(f'{p}:NAME' for p in BUILDERS)} and MODULE.PATH:FUNCTION"
