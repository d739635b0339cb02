"""Join a Ray cluster or start one on this machine, see its nodes, and leave it as it was found."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import ray
from ray.exceptions import RayError

from senet.errors import ResourceError
from senet.utils.environment import available_cores

ANSWER = 10.0  # seconds that a cluster has to answer in; Ray itself tries a dead address for minutes
connect = partial(ray.init, logging_level=logging.ERROR, log_to_driver=False)
TRIES, PAUSE = 3, 1.0  # seconds between two; the server that Ray starts for a driver may die before it serves
START = "start it (`ray start --head`), or correct the address"


@contextmanager
def ray_cluster(address: str | None, threads: int, notice: Callable[[str], None]) -> Iterator[None]:
    """Connect to a cluster for a while; one that was started here ends with it.

    Args:
        address: ``ray://HOST:PORT``, or None for the cluster that RAY_ADDRESS or ``ray start`` names, else a new one.
        threads: Cores that a trial asks for; a new cluster has at least these.
        notice: Is told which cluster it is.

    Raises:
        ResourceError: No cluster answers there.
    """
    where = address or os.environ.get("RAY_ADDRESS") or local_ray_address()
    with _same_sigterm():
        if where in (None, "local"):
            _start(max(threads, available_cores()))
            notice("no Ray cluster was found: one runs on this machine until the study ends")
        else:
            _join(str(where), address, notice)
            notice(f"trials run on the Ray cluster at {where}")
    try:
        yield
    finally:
        ray.shutdown()  # the cluster ends the tasks of a driver that leaves


def _start(cores: int) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Reached from this machine alone: whoever reaches a Ray cluster can run code on it.
    connect("local", num_cpus=cores, include_dashboard=False, _node_ip_address="127.0.0.1")


def _join(where: str, address: str | None, notice: Callable[[str], None]) -> None:
    """Connect; Ray finds by itself what RAY_ADDRESS or ``ray start`` names, and its token."""
    if where != "auto" and not _listens(where):
        raise ResourceError("the Ray cluster does not answer", where=where, do=START)
    for tries in range(1, TRIES + 1):
        try:
            connect(address)
        except (ConnectionError, RuntimeError, TimeoutError, RayError) as error:
            said = " ".join(str(error).split())
            if tries == TRIES or not isinstance(error, ConnectionAbortedError):
                raise ResourceError(f"the Ray cluster cannot be joined: {said}", where=where, do=START) from error
            notice(f"the Ray cluster at {where} could not be joined ({said}): trying again")
            time.sleep(PAUSE)
        else:
            return


def _listens(where: str) -> bool:
    host, _, port = where.rpartition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, ValueError):
        return False
    return True


def local_ray_address() -> str | None:
    """Return the address that the last ``ray start`` on this machine left, if something listens there."""
    temporary = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    left = Path(temporary, "ray", "ray_current_cluster")
    where = left.read_text().strip() if left.exists() else ""
    return where if where and _listens(where) else None


@contextmanager
def _same_sigterm() -> Iterator[None]:
    """Undo that Ray takes SIGTERM for itself."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # elsewhere Ray leaves it alone
            signal.signal(signal.SIGTERM, before)


class Nodes:
    """Nodes that are alive, without those that turned out to be of another kind than the study's machine."""

    def __init__(self) -> None:
        self.mismatched: dict[str, str] = {}

    def room(self, threads: int) -> int:
        """Return how many trials of so many threads fit side by side."""
        return sum(int(node["Resources"].get("CPU", 0)) // threads for node in self._matching())

    def all_mismatched(self) -> bool:
        """Whether every node that is alive has been found to be of another kind."""
        return bool(self.mismatched) and not self._matching()

    def selector(self) -> dict[str, str] | None:
        """Return Ray's label selector that leaves out nodes of another kind."""
        return {"ray.io/node-id": f"!in({','.join(self.mismatched)})"} if self.mismatched else None

    def _matching(self) -> Sequence[dict[str, dict[str, float]]]:
        return [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in self.mismatched]
