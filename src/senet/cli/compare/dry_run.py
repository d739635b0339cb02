"""What `senet compare --dry-run` says of a study: what would run, how it was tuned, how long it takes."""

import json as json_module
from dataclasses import asdict
from time import monotonic
from typing import Any

from senet.cli import START_TIME
from senet.cli.common.tables import Table, print_line, print_table, print_wrapped, terminal, text_column
from senet.cli.compare.job import CompareJob
from senet.cli.compare.studies_tables import describe_variant
from senet.distributed.process_group import ProcessGroup
from senet.study.gates.collect import without_gates
from senet.study.plan import Plan, Trial
from senet.study.report.words import seconds_text
from senet.study.statistics.paired import smallest_p
from senet.study.statistics.power import too_few_seeds
from senet.study.trials.environments import finished_elsewhere
from senet.study.trials.result_files import read_result
from senet.study.trials.time_estimate import TimeEstimate, estimate_time
from senet.study.variant import Variant
from senet.training import Recipe
from senet.training.recipe.recipe import to_dict
from senet.utils.environment import environment
from senet.utils.text import counted, printable


def print_dry_run(job: CompareJob, group: ProcessGroup, json: bool) -> None:
    """Print what would be run, and how long it would take."""
    if group.share.rank:
        return
    plan, feed = job.tuned.plan, job.feed
    trials = plan.trials(feed.fingerprint(), environment())
    missing = [trial for trial in trials if read_result(job.folder, trial) is None]
    before = monotonic() - START_TIME
    time = estimate_time(trials, missing, feed, job.tuned.processes, before)
    if json:
        print(json_module.dumps(_values(job, trials, missing, time)))
        return
    console = terminal()
    print_table(console, _variants(plan, len(trials)))
    for line in (*_how(job), _time(time, plan.recipe.threads)):
        print_wrapped(console, line)
    print_wrapped(
        console, f"smallest p that {counted(plan.seeds, 'paired seed')} can reach: {smallest_p(plan.seeds):.3g}"
    )
    if plan.excite:
        print_wrapped(console, _of_gates(job, trials))
    for note in plan_notes(job):
        print_wrapped(console, f"note: {printable(note)}")
    print_line(console, f"results in {printable(job.folder)}")


def _variants(plan: Plan, trials: int) -> Table:
    """Return the variants, and beside a name that is no spec what it stands for."""
    rows = [(printable(name), _beside(name, variant, plan.recipe)) for name, variant in plan.variants.items()]
    variants, seeds = counted(len(plan.variants), "variant"), counted(plan.seeds, "seed")
    title = f"{counted(trials, 'trial')}: {variants} x {seeds} of {plan.network}"
    kept = 2 if any(what for _, what in rows) else 1
    return Table((text_column("variant"), text_column("what it is"))[:kept], [row[:kept] for row in rows], title)


def _beside(name: str, variant: Variant, recipe: Recipe) -> str:
    """Return what a variant is, nothing where its name says all of it."""
    what = describe_variant(variant, recipe)
    return "" if what in (name, describe_variant(Variant(), recipe)) and name in (what, "none") else printable(what)


def _how(job: CompareJob) -> list[str]:
    plan, feed, recipe = job.tuned.plan, job.feed, job.tuned.plan.recipe
    kept = "in memory" if plan.data.in_memory else "decoded as they go"
    images = f"{counted(len(feed.train), 'image')} to train on, {len(feed.test):,} to score, {kept}"
    epochs = counted(recipe.epochs, "epoch")
    how = f"{epochs}, batch {recipe.batch_size}, lr {recipe.lr:g}, {recipe.schedule}, {recipe.precision}"
    return [f"{printable(plan.data.source)}: {images}", how, *job.tuned.notes]


def _time(time: TimeEstimate, threads: int) -> str:
    if not time.trials:
        return "0 trials to run"
    each, hours = seconds_text(time.work / time.trials), time.work * threads / 3600
    return (
        f"{counted(time.trials, 'trial')} to run, about {each} each: "
        f"about {seconds_text(time.seconds)} here, {hours:.2g} core hours"
    )


def _values(job: CompareJob, trials: list[Trial], missing: list[Trial], time: TimeEstimate) -> dict[str, Any]:
    """Return the plan as plain values."""
    plan = job.tuned.plan
    return {
        "network": plan.network,
        "variants": {name: str(variant.attention or "none") for name, variant in plan.variants.items()},
        "seeds": plan.seeds,
        "data": plan.data.source,
        "images": {"train": len(job.feed.train), "validation": len(job.feed.validation), "test": len(job.feed.test)},
        "recipe": to_dict(plan.recipe),
        "precision": asdict(job.tuned.precision),
        "workers": {"value": job.tuned.processes, "threads": plan.recipe.threads, "origin": job.tuned.layout},
        "folder": str(job.folder),
        "trials": len(trials),
        "missing": len(missing),
        "seconds": time.seconds,
        "notes": plan_notes(job),
    }


def _of_gates(job: CompareJob, trials: list[Trial]) -> str:
    waiting = len(without_gates(trials, job.folder))
    images = f"{counted(len(job.feed.test), 'test image')}, with its best epoch's weights"
    left = f"{waiting:,} of {counted(len(trials), 'trial')} to record"
    return f"gates: recorded for each finished trial on {images}; {left}"


def plan_notes(job: CompareJob) -> list[str]:
    """List what the user should know before anything runs."""
    plan = job.tuned.plan
    warning = too_few_seeds(plan.seeds, len(plan.variants) - 1)
    whole = finished_elsewhere(plan, job.feed.fingerprint(), job.folder).keys() - plan.elsewhere.keys()
    elsewhere = f"{counted(len(whole), 'seed')} finished in another environment: --any-machine goes on from there"
    images = len(job.feed.train)
    sizes = {variant.change(plan.recipe).batch_size for variant in plan.variants.values()}
    joined = "an epoch's last image joins the batch before it: norms cannot train on one"
    one_left = any(size < images and images % size == 1 for size in sizes)
    return [
        *plan.notes,
        *([warning] if warning else []),
        *([elsewhere] if whole else []),
        *([joined] if one_left else []),
    ]
