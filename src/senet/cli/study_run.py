"""Run a study or show its plan, and end with the code of what went wrong."""

import json as json_module
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from senet.cli.progress import ConsoleProgress
from senet.cli.shell import broken
from senet.cli.study_plan import Job
from senet.environment import environment
from senet.errors import DivergedError, ResourceError, SenetError
from senet.ranks.team import Team
from senet.study.compare import compare
from senet.study.gates.looking import unseen
from senet.study.gates.values import StudyGates
from senet.study.live import Live, Quiet
from senet.study.outcome import read_result
from senet.study.plan import Trial
from senet.study.power import too_few_seeds
from senet.study.settle import study_seconds, trial_seconds
from senet.study.statistics import smallest_p
from senet.study.strata import finished_elsewhere
from senet.study.summary import LeftOut, Summary
from senet.study.table import render
from senet.study.variant import unchanged
from senet.study.words import seconds_text
from senet.text import counted, plain


def run(job: Job, team: Team, figures: Path | None, json: bool) -> None:
    """Run what is missing, and print what was found; of several ranks the first one speaks.

    Raises:
        DivergedError: Trials diverged; everything else is done and written.
        ResourceError: Trials failed otherwise.
    """
    if team.share.rank:
        job.runner.run([], job.folder, Live(job.folder, Quiet(), lambda: None))
        return
    with ConsoleProgress() as progress:
        for note in _notes(job):
            progress.notice(note)
        summary = compare(job.settled.plan, job.feed, job.folder, job.runner, progress, job.study)
    _print(summary, job.folder, json)
    if figures:
        _draw(summary, figures, json)
    _require_scores(summary, job.folder)


def show(job: Job, team: Team) -> None:
    """Print what would be run, and how long it would take."""
    if team.share.rank:
        return
    plan, feed = job.settled.plan, job.feed
    recipe, trials = plan.recipe, plan.trials(feed.fingerprint(), environment())
    missing = [trial for trial in trials if read_result(job.folder, trial) is None]
    variants, seeds = counted(len(plan.variants), "variant"), counted(plan.seeds, "seed")
    print(f"{counted(len(trials), 'trial')}: {variants} x {seeds} of {plan.network}")
    for name, variant in plan.variants.items():
        what = f": {variant.attention}" if name != str(variant.attention or "none") else ""
        print(f"  {name}{what}{'' if variant.change is unchanged else ', with a recipe of its own'}")
    kept = "in memory" if plan.data.in_memory else "decoded as they go"
    images = f"{counted(len(feed.train), 'image')} to train on, {len(feed.test):,} to score, {kept}"
    print(f"{plan.data.source}: {images}")
    print(f"{recipe.epochs} epochs, batch {recipe.batch_size}, lr {recipe.lr:g}, {recipe.schedule}, {recipe.precision}")
    workers, threads = counted(job.settled.processes, "worker"), counted(recipe.threads, "thread")
    print(f"{workers} of {threads}; results in {job.folder}")
    seconds, trial = study_seconds(job.settled, feed, len(missing)), trial_seconds(job.settled, feed)
    print(
        f"{counted(len(missing), 'trial')} to run, about {seconds_text(trial)} each: "
        f"about {seconds_text(seconds)} here, {len(missing) * trial * recipe.threads / 3600:.2g} core hours"
    )
    print(f"smallest p that {plan.seeds} paired seeds can reach: {smallest_p(plan.seeds):.3g}")
    if plan.excite:
        print(_of_gates(job, trials))
    for note in _notes(job):
        print(f"note: {note}")


def _of_gates(job: Job, trials: list[Trial]) -> str:
    waiting = len(unseen(trials, job.folder))
    images = f"{counted(len(job.feed.test), 'test image')}, with the weights of its best epoch"
    return f"gates: of each trial that finishes on {images}; {waiting:,} of {counted(len(trials), 'trial')} to look at"


def _notes(job: Job) -> list[str]:
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


def _print(summary: Summary, folder: Path, json: bool) -> None:
    """Print the table, the verdicts and where the files are."""
    if json:
        values = {key: value for key, value in asdict(summary).items() if key != "gates" or value is not None}
        print(json_module.dumps({**values, "folder": str(folder)}))
        return
    console = Console()
    console.print(render(summary))
    lines = [f"report: {folder / 'report.html'}", *_gates(summary.gates), *_commands(summary, console.width)]
    console.print("\n".join(lines), markup=False, soft_wrap=True, highlight=False)


def _gates(found: StudyGates | None) -> list[str]:
    """Say what was looked at; the report shows it."""
    if found is None:
        return []
    trials, without = sum(one.n for one in found.variants), [one.variant for one in found.variants if not one.gates]
    looked = f"gates: {counted(trials, 'trial')} looked at"
    images = f" on {counted(found.images, 'test image')}" if found.images else ""
    none = f"; no gates in: {', '.join(map(plain, without))}" if without else ""
    left = f"; {counted(len(found.not_seen), 'trial')} not looked at" if found.not_seen else ""
    return [looked + images + none + left]


def _commands(summary: Summary, width: int) -> list[str]:
    """Return a command for the first trial of every variant; those of the others are in their results."""
    first = {trial.variant: trial.command for trial in reversed(summary.trials)}
    again = [broken(plain(first[row.variant]), width) for row in summary.rows if row.variant in first]
    heading = "to train a trial again, to the same weights (trials/ has the command of each):"
    return ["", heading, *again] if again else []


def _draw(summary: Summary, figures: Path, json: bool) -> None:
    """Write the figures and say where, unless only JSON is to be printed."""
    from senet.page.files import write_figures
    from senet.study.figures import figures as of_study

    paths = write_figures(of_study(summary), figures)
    if not json:
        print("\n".join(f"figure: {path}" for path in paths))


def _require_scores(summary: Summary, folder: Path) -> None:
    """End with an error where trials gave no score: a script has to notice."""
    for kind, error in (("diverged", DivergedError), ("failed", ResourceError)):
        ended = [one for one in summary.left_out if one.kind == kind]
        if ended:
            raise _ended(error, ended, folder)


def _ended(error: type[SenetError], ended: list[LeftOut], folder: Path) -> SenetError:
    first = f"{ended[0].variant}, seed {ended[0].seed}: {ended[0].reason}"
    trials = counted(len(ended), "trial")
    do = "all others are in the report; the same command tries these again"
    return error(f"{trials} {ended[0].kind}: {first}", where=str(folder / "failures"), do=do)
