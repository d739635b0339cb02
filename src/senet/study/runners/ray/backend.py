"""A Ray cluster: each trial is a task on one of its nodes, and this machine keeps what comes back."""

from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

import ray
from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from senet.errors import ResourceError, SenetError
from senet.study.plan import Trial
from senet.study.runners.attempt import notify, save_finished
from senet.study.runners.ray.cluster import Nodes, ray_cluster
from senet.study.runners.ray.node import NodeMismatch, run_on_node
from senet.study.runners.runner import ATTEMPTS, TrialCallback, TrialProgress
from senet.study.trials.result_files import TrialFailure
from senet.study.trials.trial import FinishedTrial
from senet.training.signals import Signals
from senet.utils.text import counted

Task = ray.ObjectRef[FinishedTrial | TrialFailure | NodeMismatch | SenetError]
POLL_SECONDS = 1.0  # seconds between two looks at what runs
LOST = (NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError)
DIED = "its process or its node died"
SAID = 200  # characters of what Ray says; its paths and advice go on for pages
AGAIN = "run the same command again; finished trials are kept"


class RayRunner:
    """Runs each trial as a task of a Ray cluster, as many at once as its cores hold.

    Nodes read the data under the path that this machine does, and write nothing; results and weights come back through
    Ray and are kept here as each arrives.

    Args:
        address: ``ray://HOST:PORT``, or None for the cluster that RAY_ADDRESS or ``ray start`` names, else a new one on
            this machine.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address

    def run(self, trials: Sequence[Trial], folder: Path, callback: TrialCallback) -> None:
        """Run trials; see :class:`~senet.study.runners.runner.Runner`.

        The epochs of a running trial are not shown. A node of other hardware or versions than this machine's runs no
        trial; where all nodes are such, the trials fail.

        Raises:
            ResourceError: The cluster does not answer, or is gone.
        """
        if not trials:
            return
        threads = max(trial.recipe.threads for trial in trials)
        with ray_cluster(self.address, threads, callback.notice), Signals() as signals:
            try:
                _Tasks(folder, callback).run(trials, signals)
            except BrokenPipeError:  # a ConnectionError of the terminal's, not of the cluster's
                raise
            except (RayError, ConnectionError) as error:
                raise ResourceError(f"the Ray cluster fails: {shorten(str(error), SAID)}", do=AGAIN) from error
            except SystemError as error:
                # So Ray hands on what a signal's handler raises, where that is no KeyboardInterrupt.
                raise error.__cause__ or error from None


class _Tasks:
    """The tasks of a run: submitted when there is room for them, so that no result waits in the cluster's memory."""

    def __init__(self, folder: Path, callback: TrialCallback) -> None:
        self.folder, self.callback, self.nodes = folder, callback, Nodes()
        self.running: dict[Task, Trial] = {}
        self.lost, self.waits = Counter[str](), False

    def run(self, trials: Sequence[Trial], signals: Signals) -> None:
        """Run trials; a signal acts between two looks, for Ray swallows what a handler raises inside it."""
        waiting = deque(trials)
        while waiting or self.running:
            signals.reraise()
            while waiting and self._fits(waiting[0]):
                self._submit(waiting.popleft())
            self.callback.running(
                [(trial, TrialProgress(0, trial.recipe.epochs, None)) for trial in self.running.values()]
            )
            done, _ = ray.wait(list(self.running), timeout=POLL_SECONDS)
            for task in done:
                waiting.extendleft(self._end(task))
            if self.nodes.all_mismatched():
                self._give_up(waiting)
        signals.reraise()

    def _fits(self, trial: Trial) -> bool:
        """Whether a node has room; one trial is always submitted, which makes a cluster that grows by demand grow."""
        room = self.nodes.room(trial.recipe.threads)
        if not room and not self.waits:
            cores = counted(trial.recipe.threads, "core")
            self.callback.notice(f"no node of the Ray cluster has {cores} for a trial: waiting for one")
        self.waits = not room
        return not self.running or len(self.running) < room

    def _submit(self, trial: Trial) -> None:
        # With retries of its own Ray would begin it again without telling anyone.
        options = {"num_cpus": trial.recipe.threads, "max_retries": 0, "label_selector": self.nodes.selector()}
        try:
            self.running[ray.remote(run_on_node).options(**options).remote(trial)] = trial
        except ModuleNotFoundError as error:  # of the head node, through Ray client
            raise _unable(error) from error

    def _end(self, task: Task) -> list[Trial]:
        """Keep what came back; return the trial if it has to begin again."""
        trial = self.running.pop(task)
        try:
            ended = ray.get(task)
        except LOST:
            return self._after_a_loss(trial)
        except RayTaskError as error:
            raise _unable(error.cause) from error
        if isinstance(ended, NodeMismatch):
            return self._without(ended, trial)
        if isinstance(ended, SenetError):
            raise ended
        notify(trial, save_finished(trial, ended, self.folder), self.callback)
        return []

    def _without(self, found: NodeMismatch, trial: Trial) -> list[Trial]:
        """Leave a node out that would give another result under the trial's key."""
        if found.node not in self.nodes.mismatched:
            self.callback.notice(f"{found.said}: it runs no trial")
        self.nodes.mismatched[found.node] = found.said
        return [trial]

    def _give_up(self, waiting: deque[Trial]) -> None:
        said = "; ".join(self.nodes.mismatched.values())
        while waiting:
            self.callback.failed(waiting.popleft(), TrialFailure("failed", f"no node can run it: {said}"))

    def _after_a_loss(self, trial: Trial) -> list[Trial]:
        self.lost[trial.key] += 1
        if self.lost[trial.key] == ATTEMPTS:
            self.callback.failed(trial, TrialFailure("failed", f"{DIED}, {ATTEMPTS} times", ATTEMPTS))
            return []
        self.callback.notice(f"{trial.variant}, seed {trial.seed}: {DIED}; it begins again")
        return [trial]


def _unable(error: Exception) -> SenetError:
    """Say that a node cannot even begin a trial."""
    do = "install the same senet with its extras `cli` and `ray` on every node"
    return ResourceError(f"a node of the Ray cluster cannot run senet: {shorten(str(error), SAID)}", do=do)
