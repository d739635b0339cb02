"""Plain models with random weights, by whose they are; nothing is downloaded."""

import contextlib
import difflib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from torch import nn

from senet.errors import SenetError, UsageError
from senet.utils.importing import describe_error, import_object

AUXILIARY = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}  # heads that only training would have


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
        off = {"aux_logits": False} if name in AUXILIARY else {}
        return _build(f"torchvision:{name}", builder, dict.fromkeys(absent) | off | _numbered(classes))


def from_timm(name: str, classes: int | None) -> nn.Module:
    """Build a model of timm's registry."""
    try:
        timm: Any = import_module("timm")
    except ModuleNotFoundError as error:
        raise UsageError(f"timm is not installed ({error.name} is missing)", do="pip install 'senet[timm]'") from error
    if not timm.is_model(name.partition(".")[0]):
        raise _unknown("timm", name, timm.list_models(), "timm.list_models() lists them")
    return _build(f"timm:{name}", timm.create_model, {"model_name": name, "pretrained": False} | _numbered(classes))


def from_function(name: str) -> nn.Module:
    """Import a user's module or file, whose code runs, and call a function of it without arguments.

    Raises:
        UsageError: No such module, file or function, or it makes no model.
    """
    factory = import_object(name, _forms(name.rpartition(":")[0]))
    if isinstance(factory, nn.Module) or not callable(factory):
        kind = type(factory).__name__
        raise UsageError(f"{name} is a {kind}, not a function that makes a model", do="name a function or a class")
    return call_factory(name, factory)


def call_factory(source: str, factory: Callable[[], nn.Module]) -> nn.Module:
    """Call a factory.

    Raises:
        UsageError: It fails, or does not return a module.
    """
    model: object = _build(source, factory, {})
    if not isinstance(model, nn.Module):
        raise UsageError(f"{source} returned a {type(model).__name__}, not a torch.nn.Module", do="return the model")
    return model


def _build(source: str, make: Callable[..., nn.Module], arguments: dict[str, Any]) -> nn.Module:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a function prints is no part of a command's output
            return make(**arguments)
    except SenetError:
        raise
    except (Exception, SystemExit) as error:  # a builder may raise anything
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items() if value is not None)
        do = f"it was called with {given or 'no arguments'}; to build it otherwise, name a function: FILE.py:FUNCTION"
        raise UsageError(f"{source} cannot be built", where=describe_error(error), do=do) from error


def _numbered(classes: int | None) -> dict[str, int]:
    if classes is not None and classes < 1:
        raise UsageError(f"classes={classes} is below 1")
    return {} if classes is None else {"num_classes": classes}


def _unknown(library: str, name: str, known: Iterable[str], listing: str) -> UsageError:
    close = difflib.get_close_matches(name.lower(), known, n=3)
    do = f"did you mean {', '.join(close)}?" if close else listing  # there are hundreds
    return UsageError(f"{library} has no model called {name!r}", do=do)


def _forms(prefix: str) -> str:
    close = difflib.get_close_matches(prefix.lower(), ("torchvision", "timm", "senet"), n=1)
    mean = f"did you mean {close[0]}:NAME? " if close else ""
    return f"{mean}models are NAME, torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION and FILE.py:FUNCTION"
