"""What `senet train` is asked for, made into a network, a feed and a job; nothing is trained here."""

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from senet.cli.common.amounts import price_of
from senet.cli.common.remedies import typed
from senet.data import DataSettings, Feed, Loading
from senet.data.loader.fetch import OnError
from senet.distributed.launch import restarted
from senet.distributed.process_group import ALONE, Team
from senet.inference.forward import device_of
from senet.models import ModelRequest, begin
from senet.models.factory.config import title
from senet.models.start.adapt_feed import adapt_feed
from senet.training import Job, Recipe, open_feed
from senet.training.checkpoint.manager import Shelf
from senet.training.open_data import input_said
from senet.training.setup.batch_checks import require_fits, require_trains, smallest_part
from senet.training.setup.freeze import Tuning
from senet.training.setup.precision import Chosen, as_it_began, settled_precision
from senet.training.step.class_weights import said_of_weights
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.environment import available_cores


@dataclass(frozen=True)
class Asked:
    """A call of `senet train`; see there."""

    recipe: Mapping[str, Any]
    wanted: ModelRequest
    data: DataSettings
    workers: int | None
    on_error: OnError
    folder: Path
    resume: bool
    allow: frozenset[str]
    save_every: int
    device: str
    renew: bool = False


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs.

    Args:
        model: On its device.
        feed: The data.
        job: What to do, and where.
        said: Of the network's start.
        title: Of the network, with its attention.
        chosen: The precision, and where it comes from.
        noted: What the user was told meanwhile, for the log.
    """

    model: nn.Module
    feed: Feed
    job: Job
    said: tuple[str, ...]
    title: str
    chosen: Chosen
    noted: tuple[str, ...] = ()


def prepare(asked: Asked, team: Team = ALONE) -> Prepared:
    """Build the network, open the data, settle precision and threads.

    Args:
        asked: The call.
        team: The ranks that train together; each prepares the same, one of a machine first where files are fetched.

    Raises:
        SenetError: Whatever would stop the run, as far as it can be known before the first step.
    """
    recipe = dataclass_from_dict(Recipe, asked.recipe)
    device = device_of(asked.device)
    asked = replace(asked, resume=asked.resume or _to_be_resumed(asked.folder, team))
    workers = cores_each() if asked.workers is None else asked.workers
    loading = Loading(workers, asked.on_error, share=team.share)
    feed = team.node_by_node(lambda: open_feed(asked.data, recipe, loading))
    image = feed.transform.shape
    begun = team.node_by_node(lambda: begin(asked.wanted, len(feed.classes), image))
    feed, scaled = adapt_feed(begun, feed)
    model = begun.model.to(device)
    least = smallest_part(len(feed.train), recipe.batch_size, team.share.ranks)
    require_trains(model, Tuning(recipe, begun.fresh), image, least, resizable=":" in feed.name)
    require_fits(model, image, len(feed.classes))
    recipe, chosen = team.from_first(lambda: _settled(recipe, asked, model, feed))
    called = title(begun.model, begun.config.name)
    job = Job(
        recipe,
        asked.wanted.seed,
        asked.folder,
        metadata=begun.metadata,
        fresh=begun.fresh,
        save_every=asked.save_every,
        resume=asked.resume,
        allow=asked.allow,
        resume_line=_resume_line(),
        origin=chosen.origin,
        facts={"title": called, "command": " ".join(typed()), **price_of(model, image)},
    )
    said = (*begun.said, *input_said(feed, scaled), *said_of_weights(recipe, feed))
    return Prepared(model, feed, job, said, called, chosen)


def cores_each() -> int:
    """Return how many cores this process may use: its part of the machine's, where it shares it with other ranks."""
    return max(available_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)


def _to_be_resumed(folder: Path, team: Team) -> bool:
    """Return whether a launcher has started the run again after a failure, and there is something to continue."""
    return any(team.everyone(restarted(os.environ))) and team.from_first(lambda: bool(Shelf(folder).names()))


def _settled(recipe: Recipe, asked: Asked, model: nn.Module, feed: Feed) -> tuple[Recipe, Chosen]:
    """Fill in what nobody said: as the run that is continued had it, else all cores and the faster precision."""
    before = _recipe_of(asked.folder) if asked.resume else {}
    if "threads" not in asked.recipe:
        recipe = replace(recipe, threads=before.get("threads") or cores_each())
    if "precision" in asked.recipe:
        return recipe, Chosen(recipe.precision)
    began = None if asked.renew else as_it_began(before)
    chosen = began or _measured(recipe, model, feed, asked.renew)
    return replace(recipe, precision=chosen.precision), chosen


def _recipe_of(folder: Path) -> dict[str, Any]:
    """Return the recipe of the run in a folder, empty where it cannot be read: the checkpoint will say why."""
    try:
        return dict(json.loads((folder / "run.json").read_text(encoding="utf-8"))["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _measured(recipe: Recipe, model: nn.Module, feed: Feed, renew: bool) -> Chosen:
    return settled_precision(copy.deepcopy(model), feed, recipe.batch_size, recipe.threads, renew)


def _resume_line() -> str:
    words = typed()
    return " ".join([*words, *(["--resume"] * ("--resume" not in words))])
