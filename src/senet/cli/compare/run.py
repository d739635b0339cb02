"""Run a study, and end with the code of what went wrong."""

import json as json_module
from dataclasses import asdict
from pathlib import Path

from senet.cli.common.command_line import wrap_command
from senet.cli.common.tables import print_line, print_wrapped, terminal
from senet.cli.compare.dry_run import plan_notes
from senet.cli.compare.job import CompareJob
from senet.cli.compare.progress import ConsoleStudyProgress
from senet.cli.compare.table import print_comparison
from senet.data.unused import unused_sentences
from senet.distributed.process_group import ProcessGroup
from senet.errors import DivergedError, ResourceError, SenetError
from senet.study.compare import compare
from senet.study.gates.values import StudyGates
from senet.study.progress import LiveReport, NullProgress
from senet.study.summary import LeftOutTrial, Summary
from senet.utils.text import counted, printable


def run_compare(job: CompareJob, group: ProcessGroup, figures: Path | None, json: bool) -> None:
    """Run what is missing, and print what was found; of several ranks the first one speaks.

    Raises:
        DivergedError: Trials diverged; everything else is done and written.
        ResourceError: Trials failed otherwise.
    """
    if group.share.rank:
        job.runner.run([], job.folder, LiveReport(job.folder, NullProgress(), lambda: None))
        return
    with ConsoleStudyProgress() as progress:
        for note in (*job.tuned.notes, *plan_notes(job)):
            progress.notice(note)
        summary = compare(job.tuned.plan, job.feed, job.folder, job.runner, progress, job.study)
    _print(summary, job, json)
    if figures:
        _draw(summary, figures, json)
    _require_scores(summary, job.folder)


def _print(summary: Summary, job: CompareJob, json: bool) -> None:
    """Print the table, the verdicts and where the files are."""
    folder = job.folder
    if json:
        values = {key: value for key, value in asdict(summary).items() if key != "gates" or value is not None}
        said = {"notes": plan_notes(job), "precision": asdict(job.tuned.precision), "folder": str(folder)}
        print(json_module.dumps({**values, **said}))
        return
    console = terminal()
    print_comparison(console, summary)
    for sentence in (*unused_sentences(summary.unused), *_gates(summary.gates)):
        print_wrapped(console, sentence)
    print_line(console, f"report: {printable(folder / 'report.html')}")
    if again := _commands(summary, console.width):
        print_wrapped(console, "\nto train a trial again, to the same weights (trials/ has the command of each):")
        print_line(console, "\n".join(again))


def _gates(found: StudyGates | None) -> list[str]:
    """Say what was looked at; the report shows it."""
    if found is None:
        return []
    trials, without = sum(one.n for one in found.variants), [one.variant for one in found.variants if not one.gates]
    looked = f"gates: recorded for {counted(trials, 'trial')}"
    images = f" on {counted(found.images, 'test image')}" if found.images else ""
    none = f"; no gates in: {', '.join(map(printable, without))}" if without else ""
    left = f"; not recorded for {counted(len(found.not_seen), 'trial')}" if found.not_seen else ""
    return [looked + images + none + left]


def _commands(summary: Summary, width: int) -> list[str]:
    """Return a command for the first trial of every variant; those of the others are in their results."""
    first = {trial.variant: trial.command for trial in reversed(summary.trials)}
    return [wrap_command(printable(first[row.variant]), width) for row in summary.rows if row.variant in first]


def _draw(summary: Summary, figures: Path, json: bool) -> None:
    """Write the figures and say where, unless only JSON is to be printed."""
    from senet.page.figure_files import write_figures
    from senet.study.report.figures import figures as of_study

    paths = write_figures(of_study(summary), figures)
    if not json:
        print("\n".join(f"figure: {path}" for path in paths))


def _require_scores(summary: Summary, folder: Path) -> None:
    """End with an error where trials gave no score: a script has to notice."""
    for kind, error in (("diverged", DivergedError), ("failed", ResourceError)):
        ended = [one for one in summary.left_out if one.kind == kind]
        if ended:
            raise _ended(error, ended, folder)


def _ended(error: type[SenetError], ended: list[LeftOutTrial], folder: Path) -> SenetError:
    first = f"{ended[0].variant}, seed {ended[0].seed}: {ended[0].reason}"
    trials = counted(len(ended), "trial")
    do = "all others are in the report; the same command tries these again"
    return error(f"{trials} {ended[0].kind}: {first}", where=str(folder / "failures"), do=do)
