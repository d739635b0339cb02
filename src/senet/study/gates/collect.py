"""Record the gates of a study's finished trials, each once."""

from collections.abc import Sequence
from pathlib import Path

from senet.data import Feed
from senet.errors import ResourceError, SenetError
from senet.study.gates.trial import collect_trial_gates, read_gates, write_gates
from senet.study.gates.values import UncollectedTrial
from senet.study.plan import Plan, Trial
from senet.study.progress import StudyProgress
from senet.study.trials.result_files import weights_path
from senet.study.trials.trial import open_data_once
from senet.training.setup.step_time import torch_threads
from senet.utils.warn_once import warn_once


def collect_study_gates(
    trials: Sequence[Trial], plan: Plan, feed: Feed, folder: Path, progress: StudyProgress
) -> tuple[UncollectedTrial, ...]:
    """Record the gates of trials and keep what is found of each; one whose network fails stops no other.

    Args:
        trials: Finished ones without gates; see :func:`without_gates`.
        plan: That they are of.
        feed: Of its recipe.
        folder: Of the study.
        progress: Is told how far it is, and of each trial whose gates cannot be recorded.

    Returns:
        Those that cannot.

    Raises:
        ResourceError: The disk is full.
    """
    found = []
    # As many threads as a trial had: several, of which each has little to do, wait for one another on a busy machine.
    with warn_once(progress.notice), torch_threads(plan.recipe.threads):
        for done, trial in enumerate(trials):
            progress.collecting_gates(done, len(trials))
            reason = _collect(trial, plan, feed, folder)
            if reason:
                found.append(UncollectedTrial(trial.variant, trial.seed, reason))
                progress.notice(f"{trial.variant}, seed {trial.seed}: its gates cannot be recorded: {reason}")
    progress.collecting_gates(len(trials), len(trials))
    return tuple(found)


def without_gates(trials: Sequence[Trial], folder: Path) -> list[Trial]:
    """Return the trials whose gates were not recorded."""
    return [trial for trial in trials if read_gates(folder, trial) is None]


def _collect(trial: Trial, plan: Plan, feed: Feed, folder: Path) -> str:
    """Record one trial; return why it cannot be, if so."""
    weights = weights_path(folder, trial)
    if not weights.exists():
        return f"its weights are gone: {weights}"
    try:
        found = collect_trial_gates(trial, _feed(trial, plan, feed), weights)
    except ResourceError:
        raise
    except SenetError as error:
        return " ".join(str(error).splitlines())
    except Exception as error:  # whatever a network of somebody's raises is said of its trial, and of no other
        return f"{type(error).__name__}: {' '.join(str(error).splitlines())}"
    write_gates(folder, trial, found)
    return ""


def _feed(trial: Trial, plan: Plan, feed: Feed) -> Feed:
    """Return the plan's own feed, or, where a trial's recipe sees images otherwise, that of its own."""
    if trial.recipe.views == plan.recipe.views:
        return feed
    return open_data_once(trial.data, trial.on_error, 0).feed(trial.recipe)
