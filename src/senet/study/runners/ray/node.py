"""What a node of a Ray cluster does with a trial."""

import socket
from dataclasses import dataclass

import ray

from senet.errors import ResourceError, SenetError
from senet.study.plan import Trial
from senet.study.runners.attempt import SHARED_ERRORS, attempt
from senet.study.trials.result_files import TrialFailure
from senet.study.trials.trial import FinishedTrial
from senet.training.callbacks import EpochCallback
from senet.utils.environment import environment
from senet.utils.text import changed_keys, describe_change


@dataclass(frozen=True)
class NodeMismatch:
    """Why this node runs no trial of the study.

    Args:
        node: Ray's name of it.
        said: The node, and what differs.
    """

    node: str
    said: str


def run_on_node(trial: Trial) -> FinishedTrial | TrialFailure | NodeMismatch | SenetError:
    """Train a trial on this node, if it is of the kind that the trial's key says.

    Args:
        trial: What to run.

    Returns:
        What became of it, or why it cannot run here; an error, which names the node, ends the study.
    """
    planned, here = trial.environment, environment()
    if changed := [describe_change(key, planned, here) for key in changed_keys(planned, here)]:
        return NodeMismatch(_node_id(), f"{_node()} differs from where the study was planned: {', '.join(changed)}")
    try:
        return attempt(trial, EpochCallback())
    except SHARED_ERRORS as error:
        return _of_node(error)


def _of_node(error: Exception) -> SenetError:
    """Return an error with the node's name in it."""
    if isinstance(error, SenetError):
        return type(error)(error.what, where=", ".join(filter(None, [error.where, _node()])), do=error.do)
    do = "install the same senet and data on every node"
    return ResourceError(f"{type(error).__name__}: {error}", where=_node(), do=do)


def _node() -> str:
    return f"node {_node_id()[:8]} ({socket.gethostname()})"


def _node_id() -> str:
    return str(ray.get_runtime_context().get_node_id())
