"""What `senet train` is asked for, made into a network, a feed and a job; nothing is trained here."""

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from senet.cli.common.command_line import command_words
from senet.cli.common.cost_columns import model_cost
from senet.data import DataConfig, Feed, Loading
from senet.data.loader.fetch import OnError
from senet.distributed.launch import is_restarted
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.inference.forward import resolve_device
from senet.models import ModelRequest, begin
from senet.models.factory.config import title
from senet.models.start.adapt_feed import adapt_feed
from senet.training import Recipe, TrainingJob, open_feed
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.feeds import input_notices
from senet.training.setup.batch_checks import require_model_fits_data, require_trainable, smallest_micro_batch
from senet.training.setup.compile_choice import ChosenCompile, choose_compile, compile_of_run
from senet.training.setup.freeze import FineTuneConfig
from senet.training.setup.precision import ChosenPrecision, choose_precision, precision_of_run
from senet.training.step.class_weights import class_weights_notices
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.environment import available_cores


@dataclass(frozen=True)
class TrainRequest:
    """A call of `senet train`; see there."""

    recipe: Mapping[str, Any]
    model: ModelRequest
    data: DataConfig
    workers: int | None
    on_error: OnError
    folder: Path
    resume: bool
    allow: frozenset[str]
    save_every: int
    device: str
    renew: bool = False


@dataclass(frozen=True)
class PreparedTraining:
    """Everything that training needs.

    Args:
        model: On its device.
        feed: The data.
        job: What to do, and where.
        start_notes: What there is to say of the network's start.
        title: Of the network, with its attention.
        precision: With where it comes from.
        notes: What the user was told meanwhile, for the log.
    """

    model: nn.Module
    feed: Feed
    job: TrainingJob
    start_notes: tuple[str, ...]
    title: str
    precision: ChosenPrecision
    notes: tuple[str, ...] = ()


def prepare_training(request: TrainRequest, group: ProcessGroup = SINGLE_PROCESS) -> PreparedTraining:
    """Build the network, open the data, settle precision and threads.

    Args:
        request: The call.
        group: The ranks that train together; each prepares the same, one of a machine first where files are fetched.

    Raises:
        SenetError: Whatever would stop the run, as far as it can be known before the first step.
    """
    recipe = dataclass_from_dict(Recipe, request.recipe)
    device = resolve_device(request.device)
    request = replace(request, resume=request.resume or _to_be_resumed(request.folder, group))
    workers = cores_per_process() if request.workers is None else request.workers
    loading = Loading(workers, request.on_error, share=group.share)
    feed = group.local_rank0_first(lambda: open_feed(request.data, recipe, loading))
    image = feed.transform.shape
    begun = group.local_rank0_first(lambda: begin(request.model, len(feed.classes), image))
    feed, scaled = adapt_feed(begun, feed)
    model = begun.model.to(device)
    least = smallest_micro_batch(len(feed.train), recipe.batch_size, group.share.ranks)
    require_trainable(model, FineTuneConfig(recipe, begun.fresh), image, least, resizable=":" in feed.name)
    require_model_fits_data(model, image, len(feed.classes))
    recipe, chosen, compiles = group.broadcast_from_rank0(lambda: _settled(recipe, request, model, feed))
    called = title(begun.model, begun.config.name)
    job = TrainingJob(
        recipe,
        request.model.seed,
        request.folder,
        metadata=begun.metadata,
        fresh=begun.fresh,
        save_every=request.save_every,
        resume=request.resume,
        allow=request.allow,
        resume_line=_resume_line(),
        origin=chosen.origin,
        facts={"title": called, "command": " ".join(command_words()), **model_cost(model, image)},
    )
    said = (*begun.said, *input_notices(feed, scaled), *class_weights_notices(recipe, feed))
    said += (str(compiles),) if compiles.origin else ()
    return PreparedTraining(model, feed, job, said, called, chosen)


def cores_per_process() -> int:
    """Return how many cores this process may use: its part of the machine's, where it shares it with other ranks."""
    return max(available_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)


def _to_be_resumed(folder: Path, group: ProcessGroup) -> bool:
    """Return whether a launcher has started the run again after a failure, and there is something to continue."""
    return any(group.all_gather(is_restarted(os.environ))) and group.broadcast_from_rank0(
        lambda: bool(CheckpointManager(folder).names())
    )


def _settled(
    recipe: Recipe, request: TrainRequest, model: nn.Module, feed: Feed
) -> tuple[Recipe, ChosenPrecision, ChosenCompile]:
    """Fill in what was not given: as the run that is continued had it, else all cores and what is faster."""
    before = _recipe_of(request.folder) if request.resume else {}
    if "threads" not in request.recipe:
        recipe = replace(recipe, threads=before.get("threads") or cores_per_process())
    chosen = _precision(recipe, request, model, feed, before)
    recipe = replace(recipe, precision=chosen.precision)
    compiles = ChosenCompile(recipe.compile) if "compile" in request.recipe else compile_of_run(before)
    compiles = compiles or choose_compile(model, feed, recipe, request.renew)
    return replace(recipe, compile=compiles.compile), chosen, compiles


def _recipe_of(folder: Path) -> dict[str, Any]:
    """Return the recipe of the run in a folder, empty where it cannot be read: the checkpoint will say why."""
    try:
        return dict(json.loads((folder / "run.json").read_text(encoding="utf-8"))["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _precision(
    recipe: Recipe, request: TrainRequest, model: nn.Module, feed: Feed, before: Mapping[str, Any]
) -> ChosenPrecision:
    if "precision" in request.recipe:
        return ChosenPrecision(recipe.precision)
    began = None if request.renew else precision_of_run(before)
    return began or choose_precision(copy.deepcopy(model), feed, recipe.batch_size, recipe.threads, request.renew)


def _resume_line() -> str:
    words = command_words()
    return " ".join([*words, *(["--resume"] * ("--resume" not in words))])
