"""Go on from another machine's trials: a seed stays whole in one environment, so no difference crosses two of them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from senet.study.plan import Plan, Trial
from senet.study.trials.result_files import read_record, result_path
from senet.utils.environment import environment

Environment = dict[str, str]


def finished_elsewhere(plan: Plan, fingerprint: str, folder: Path) -> dict[int, Environment]:
    """Find seeds whose trials all finished in one environment that is not this one.

    Seeds that are complete here, or nowhere, are not in it: they run here.

    Args:
        plan: With precision and threads settled.
        fingerprint: Of its data.
        folder: Of the study.

    Raises:
        DataError: A file among the results is not one of ours.
    """
    here, others = environment(), _environments(folder)
    found = {}
    for seed, trials in groupby(replace(plan, elsewhere={}).trials(fingerprint, here), lambda trial: trial.seed):
        of_seed = list(trials)
        where = next((one for one in [here, *others] if _complete(of_seed, one, folder)), here)
        if where != here:
            found[seed] = where
    return found


def merged_environment(trials: Sequence[Trial]) -> Environment:
    """Return what trials ran on; where that differs, each value with its seeds."""
    return {key: _value(trials, key) for key in trials[0].environment}


def _environments(folder: Path) -> list[Environment]:
    """List the environments of a folder's results, in an order that does not depend on the file system."""
    records = [read_record(path) or {} for path in (folder / "trials").glob("*.json")]
    texts = {json.dumps(record.get("trial", {}).get("environment", {}), sort_keys=True) for record in records}
    return [json.loads(text) for text in sorted(texts)]


def _complete(trials: Sequence[Trial], where: Environment, folder: Path) -> bool:
    return all(result_path(folder, replace(trial, environment=where)).exists() for trial in trials)


def _value(trials: Sequence[Trial], key: str) -> str:
    seeds: dict[str, set[int]] = {}
    for trial in trials:
        seeds.setdefault(trial.environment.get(key, "not said"), set()).add(trial.seed)
    if len(seeds) == 1:
        return next(iter(seeds))
    return "; ".join(f"{value} (seeds {', '.join(map(str, sorted(of)))})" for value, of in seeds.items())
