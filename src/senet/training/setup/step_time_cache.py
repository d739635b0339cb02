"""Times that a choice hangs on: measured once for a machine, a network and a batch, then kept.

A second measurement may come out otherwise, and two equal commands would train to other numbers.
"""

import contextlib
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from senet.data.hashing import cache_folder
from senet.data.loader.feed import Feed
from senet.errors import SenetError
from senet.training.setup.step_time import StepVariant, step_seconds
from senet.utils.environment import environment
from senet.utils.files import write_text
from senet.utils.text import printable

logger = logging.getLogger("senet")

VERSION = 1  # of what is kept
WAIT = 60.0  # seconds for another process that measures the same


@dataclass(frozen=True)
class StepTimes:
    """Seconds of a training step.

    Args:
        seconds: Of each variant.
        before: Whether they were measured by an earlier command.
        path: The file that keeps them; empty where they could not be kept.
    """

    seconds: Mapping[StepVariant, float]
    before: bool
    path: str

    def __str__(self) -> str:
        kept = f"kept in {printable(self.path)}" if self.path else "not kept"
        return f"measured {'before' if self.before else 'now'}, {kept}"


def cached_step_times(
    model: nn.Module, feed: Feed, batch_size: int, variants: Sequence[StepVariant], renew: bool = False
) -> StepTimes:
    """Return the seconds of a step of each variant, as they were measured the first time.

    Args:
        model: On the device to train on; its gradients and norms are touched where something is measured.
        feed: Says what a batch is like.
        batch_size: Images a step, as far as there are so many.
        variants: To compare.
        renew: Whether to measure again whatever is kept.
    """
    of = _described(model, feed, min(batch_size, len(feed.train)), variants)
    path = cache_folder() / f"pace-{hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]}.json"
    with _alone(path):
        found = None if renew else _read(path, of)
        if found is None:
            seconds = step_seconds(model, feed, batch_size, list(variants))
            return StepTimes(seconds, before=False, path=_keep(path, of, [seconds[variant] for variant in variants]))
        return StepTimes(dict(zip(variants, found, strict=True)), before=True, path=str(path))


def _described(model: nn.Module, feed: Feed, batch_size: int, variants: Sequence[StepVariant]) -> dict[str, Any]:
    """Return whatever the times depend on, as plain values."""
    device = next(model.parameters()).device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    shapes = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
    written = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(model))  # an address is another one in every process
    network, image = hashlib.sha256(f"{written}{shapes}".encode()).hexdigest(), list(feed.transform.shape)
    where = {**environment(), "device": name}
    return {
        **where,
        "network": network,
        "input": image,
        "batch": batch_size,
        "ways": [asdict(variant) for variant in variants],
    }


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process measure while others wait for what it keeps; where nothing can be kept none waits."""
    from filelock import FileLock, Timeout  # torch brings it

    with contextlib.ExitStack() as stack:
        # Without a lock each command measures for itself; what cannot be kept is said by _keep.
        with contextlib.suppress(OSError, Timeout, NotImplementedError):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path.with_suffix(".lock"), timeout=WAIT))
        yield


def _keep(path: Path, of: Mapping[str, Any], seconds: Sequence[float]) -> str:
    """Keep what was measured and return where; what cannot be kept is said, for the next command measures again."""
    try:
        write_text(path, json.dumps({"version": VERSION, "of": of, "seconds": seconds}) + "\n")
    except SenetError as error:
        logger.warning(
            "the measured step times cannot be cached, and the next run may choose otherwise: %s", error.what
        )
        return ""
    return str(path)


def _read(path: Path, of: Mapping[str, Any]) -> list[float] | None:
    """Return what was kept; None where nothing is, or nothing that can be used, which is said."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["version"] != VERSION:  # ours, of another version
            return None
        if said["of"] != of or len(said["seconds"]) != len(of["ways"]):
            raise ValueError("it is of another setup")
        return [_positive(seconds) for seconds in said["seconds"]]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        logger.warning("%s is broken (%s): it is measured again", path, printable(error))
        return None


def _positive(seconds: object) -> float:
    if type(seconds) is not float or not 0 < seconds < float("inf"):
        raise ValueError(f"{seconds!r:.20} is no time")
    return seconds
