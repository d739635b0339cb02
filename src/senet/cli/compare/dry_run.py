"""What `senet compare --dry-run` says of a study: what would run, how it was settled, how long it takes."""

import json as json_module
from dataclasses import asdict
from time import monotonic
from typing import Any

from senet.cli import STARTED
from senet.cli.common.tables import Table, names, print_line, print_table, print_words, terminal
from senet.cli.compare.plan import Job
from senet.cli.compare.studies_tables import described
from senet.distributed.process_group import Team
from senet.study.gates.looking import unseen
from senet.study.plan import Plan, Trial
from senet.study.report.words import seconds_text
from senet.study.statistics.paired import smallest_p
from senet.study.statistics.power import too_few_seeds
from senet.study.trials.result_files import read_result
from senet.study.trials.strata import finished_elsewhere
from senet.study.trials.time_estimate import Predicted, predicted
from senet.study.variant import Variant
from senet.training import Recipe
from senet.training.recipe.recipe import to_dict
from senet.utils.environment import environment
from senet.utils.text import counted, printable


def show(job: Job, team: Team, json: bool) -> None:
    """Print what would be run, and how long it would take."""
    if team.share.rank:
        return
    plan, feed = job.settled.plan, job.feed
    trials = plan.trials(feed.fingerprint(), environment())
    missing = [trial for trial in trials if read_result(job.folder, trial) is None]
    before = monotonic() - STARTED
    time = predicted(trials, missing, feed, job.settled.processes, before)
    if json:
        print(json_module.dumps(_values(job, trials, missing, time)))
        return
    console = terminal()
    print_table(console, _variants(plan, len(trials)))
    for line in (*_how(job), _time(time, plan.recipe.threads)):
        print_words(console, line)
    print_words(
        console, f"smallest p that {counted(plan.seeds, 'paired seed')} can reach: {smallest_p(plan.seeds):.3g}"
    )
    if plan.excite:
        print_words(console, _of_gates(job, trials))
    for note in notes(job):
        print_words(console, f"note: {printable(note)}")
    print_line(console, f"results in {printable(job.folder)}")


def _variants(plan: Plan, trials: int) -> Table:
    """Return the variants, and beside a name that is no spec what it stands for."""
    rows = [(printable(name), _beside(name, variant, plan.recipe)) for name, variant in plan.variants.items()]
    variants, seeds = counted(len(plan.variants), "variant"), counted(plan.seeds, "seed")
    title = f"{counted(trials, 'trial')}: {variants} x {seeds} of {plan.network}"
    kept = 2 if any(what for _, what in rows) else 1
    return Table((names("variant"), names("what it is"))[:kept], [row[:kept] for row in rows], title)


def _beside(name: str, variant: Variant, recipe: Recipe) -> str:
    """Return what a variant is, nothing where its name says all of it."""
    what = described(variant, recipe)
    return "" if what in (name, described(Variant(), recipe)) and name in (what, "none") else printable(what)


def _how(job: Job) -> list[str]:
    plan, feed, recipe = job.settled.plan, job.feed, job.settled.plan.recipe
    kept = "in memory" if plan.data.in_memory else "decoded as they go"
    images = f"{counted(len(feed.train), 'image')} to train on, {len(feed.test):,} to score, {kept}"
    epochs = counted(recipe.epochs, "epoch")
    how = f"{epochs}, batch {recipe.batch_size}, lr {recipe.lr:g}, {recipe.schedule}, {recipe.precision}"
    return [f"{printable(plan.data.source)}: {images}", how, *job.settled.said]


def _time(time: Predicted, threads: int) -> str:
    if not time.trials:
        return "0 trials to run"
    each, hours = seconds_text(time.work / time.trials), time.work * threads / 3600
    return (
        f"{counted(time.trials, 'trial')} to run, about {each} each: "
        f"about {seconds_text(time.seconds)} here, {hours:.2g} core hours"
    )


def _values(job: Job, trials: list[Trial], missing: list[Trial], time: Predicted) -> dict[str, Any]:
    """Return the plan as plain values."""
    plan = job.settled.plan
    return {
        "network": plan.network,
        "variants": {name: str(variant.attention or "none") for name, variant in plan.variants.items()},
        "seeds": plan.seeds,
        "data": plan.data.source,
        "images": {"train": len(job.feed.train), "validation": len(job.feed.validation), "test": len(job.feed.test)},
        "recipe": to_dict(plan.recipe),
        "precision": asdict(job.settled.chosen),
        "workers": {"value": job.settled.processes, "threads": plan.recipe.threads, "origin": job.settled.layout},
        "folder": str(job.folder),
        "trials": len(trials),
        "missing": len(missing),
        "seconds": time.seconds,
        "notes": notes(job),
    }


def _of_gates(job: Job, trials: list[Trial]) -> str:
    waiting = len(unseen(trials, job.folder))
    images = f"{counted(len(job.feed.test), 'test image')}, with the weights of its best epoch"
    return f"gates: of each trial that finishes on {images}; {waiting:,} of {counted(len(trials), 'trial')} to look at"


def notes(job: Job) -> list[str]:
    """List what the user should know before anything runs."""
    plan = job.settled.plan
    warning = too_few_seeds(plan.seeds, len(plan.variants) - 1)
    whole = finished_elsewhere(plan, job.feed.fingerprint(), job.folder).keys() - plan.elsewhere.keys()
    elsewhere = f"{counted(len(whole), 'seed')} finished in another environment: --any-machine goes on from there"
    images = len(job.feed.train)
    sizes = {variant.change(plan.recipe).batch_size for variant in plan.variants.values()}
    joined = "an epoch's last image joins the batch before it: norms cannot train on one"
    one_left = any(size < images and images % size == 1 for size in sizes)
    return [
        *plan.said,
        *([warning] if warning else []),
        *([elsewhere] if whole else []),
        *([joined] if one_left else []),
    ]
