"""What a run is: what may differ between a run and its continuation, and what may not."""

import hashlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from senet.data.labels import class_map
from senet.distributed.consistency import require_same_on_all_ranks
from senet.distributed.process_group import ProcessGroup
from senet.errors import UsageError
from senet.insertion.attach import source_hashes
from senet.training.recipe.recipe import to_dict
from senet.training.setup.freeze import FineTuneConfig
from senet.utils.environment import environment
from senet.utils.text import changed_keys, describe_change, flatten

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed

ENVIRONMENT = "environment."
HARDWARE = ("environment.processor", "environment.instructions")  # ranks of one run may differ in it


def agreed_identity(
    model: nn.Module, feed: "Feed", tuning: FineTuneConfig, seed: int, group: ProcessGroup
) -> dict[str, Any]:
    """Return the run's identity, the same on all ranks.

    Raises:
        UsageError: They are not alike.
    """
    group.local_rank0_first(feed.fingerprint)
    who = run_identity(model, feed, tuning, seed, group.share.ranks)
    if group.share.ranks > 1:
        same = {key: value for key, value in who.items() if key not in HARDWARE}
        require_same_on_all_ranks(group, {**same, "steps per epoch": feed.steps_per_epoch}, model)
    return who


def run_identity(model: nn.Module, feed: "Feed", tuning: FineTuneConfig, seed: int, ranks: int = 1) -> dict[str, Any]:
    """Return what defines a run, by key; ``environment.`` entries may change, with a notice."""
    return {
        **flatten(to_dict(tuning.recipe), "recipe."),
        **({} if tuning.fresh is None else {"fresh": sorted(tuning.fresh)}),
        "seed": seed,
        "data": feed.fingerprint(),
        "classes": list(feed.classes),
        "network": _shapes(model),
        **({"attention code": code} if (code := source_hashes(model)) else {}),
        **flatten(environment(), ENVIRONMENT),
        "environment.device": next(model.parameters()).device.type,
        "environment.ranks": ranks,
    }


def require_same_run(before: Mapping[str, Any], now: Mapping[str, Any], allow: Collection[str]) -> list[str]:
    """Refuse to continue as another run.

    Args:
        before: What the checkpoint was saved with; what it does not say of its environment is not compared.
        now: What is to continue.
        allow: Keys that the user lets change.

    Returns:
        What changed and may, in words.

    Raises:
        UsageError: Something else changed; all of it is listed.
        DataError: The classes did; with a table of their old and new numbers.
    """
    changed = [
        key for key in changed_keys(before, now) if not key.startswith(ENVIRONMENT) or key in before.keys() & now
    ]
    refused = [
        key for key in changed if key not in allow and not key.startswith(ENVIRONMENT) and not _raised(key, before, now)
    ]
    if "classes" in refused:
        class_map.require_same_classes(before["classes"], now["classes"], where="the checkpoint")
    if refused:
        raise UsageError(
            "the checkpoint is of another run: " + "; ".join(describe_change(key, before, now) for key in refused),
            do="undo the change, pass another --out, or allow it: --allow-change " + " ".join(refused),
        )
    return [describe_change(key, before, now) for key in changed]


def _raised(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return key == "recipe.epochs" and bool(now[key] > before[key])


def _shapes(model: nn.Module) -> str:
    """Return a digest of the names and shapes of all weights, and of the modules that have none."""
    shapes = [(name, tuple(value.shape)) for name, value in model.state_dict().items()]
    return hashlib.sha256(repr((shapes, repr(model))).encode()).hexdigest()
