"""The ``senet train`` command that trains a trial again, to the same bytes."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from senet.data import read_source
from senet.models import ModelRequest, StartConfig
from senet.models.start.request import RANDOM, STANDARD
from senet.study.plan import Trial
from senet.training import Recipe

ALWAYS_GIVEN = ("precision", "threads")  # else senet train would settle them by itself
IN_MEMORY_FLAGS = {True: "yes", False: "no", None: "auto"}
BUNDLED_DATA = ("digits",)  # data that lies in no folder of the user's


def train_command(trial: Trial, model_request: ModelRequest) -> str:
    """Return the command as a shell takes it.

    Args:
        trial: What to train.
        model_request: Its network, all stages named.
    """
    words = ["--network", model_request.network, "--attention", model_request.attention]
    if model_request.placement != STANDARD:
        words += ["--where", model_request.placement.where]
        words += (
            ["--stages", ",".join(map(str, model_request.placement.stages))] if model_request.placement.stages else []
        )
    words += [
        *_start(model_request.start),
        *_data(trial),
        "--device",
        "cpu",
        "--seed",
        str(trial.seed),
        *_recipe(trial.recipe),
    ]
    return shlex.join(["senet", "train", *words, "--out", f"runs/{trial.key}"])


def _start(start: StartConfig) -> list[str]:
    words: list[str] = []
    for flag, value in asdict(start).items():
        if value not in (None, asdict(RANDOM)[flag]):
            words += [f"--{flag}"] if value is True else [f"--{flag}", str(value)]
    return words


def _data(trial: Trial) -> list[str]:
    data = trial.data
    words = ["--data", data.source]
    if read_source(data.source).kind != "named":
        words += ["--in-memory", IN_MEMORY_FLAGS[data.in_memory]]
        words += ["--on-error", trial.on_error] if trial.on_error != "fail" else []
    elif data.source not in BUNDLED_DATA:
        words += ["--data-dir", data.data_dir]
    if data.val_fraction is not None:
        words += ["--val-fraction", repr(data.val_fraction)]
    if data.train_fraction != 1:
        words += ["--train-fraction", repr(data.train_fraction)]
    words += data.input.flags()
    return words if data.image_size is None else [*words, "--image-size", str(data.image_size)]


def _recipe(recipe: Recipe) -> Iterable[str]:
    """Return the flags of all that is not as a recipe's default, and of what a command would measure."""
    said, default = asdict(recipe), asdict(Recipe())
    changed = {key: value for key, value in said.items() if key in ALWAYS_GIVEN or value != default[key]}
    return _flags(changed, "")


def _flags(values: Mapping[str, Any], prefix: str) -> list[str]:
    words: list[str] = []
    for key, value in values.items():
        name = f"{prefix}{key.replace('_', '-')}"
        if isinstance(value, Mapping):
            words += _flags(value, f"{name}.")
        elif isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif value not in (None, ()):
            words += [f"--{name}", *map(str, value if isinstance(value, tuple) else [value])]
    return words
