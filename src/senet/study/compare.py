"""The main job: plan, train what is missing, compare, write everything down."""

import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from senet.attention import to_dict
from senet.data import Feed, Loading
from senet.data.loader.decode import BYTES
from senet.data.loader.feed import sizes_in, unread_in, unused_in
from senet.data.unused import merge_unread, unreadable_records
from senet.errors import SenetError
from senet.study import results_csv
from senet.study.build_variants import build_variants
from senet.study.gates.aggregate import aggregate_gates
from senet.study.gates.collect import collect_study_gates, without_gates
from senet.study.gates.trial import read_gates
from senet.study.gates.values import UncollectedTrial
from senet.study.named_studies import Study, with_published_rows
from senet.study.plan import Plan, Trial
from senet.study.progress import LiveReport, StudyProgress
from senet.study.report import page
from senet.study.runners.runner import Runner
from senet.study.statistics.summarise import summarise
from senet.study.summary import Summary
from senet.study.trials.cost import VariantCost, variant_costs
from senet.study.trials.environments import merged_environment
from senet.study.trials.result_files import left_out_trials, read_result
from senet.study.variant import Variant
from senet.training import OpenedData, opened_data
from senet.training.recipe.recipe import to_dict as recipe_values
from senet.training.step.class_weights import class_weights_notices
from senet.training.writer.folder_writer import lock_folder
from senet.utils.environment import environment
from senet.utils.files import require_writable, write_text


def compare(
    plan: Plan, feed: Feed, folder: Path, runner: Runner, progress: StudyProgress, study: Study | None = None
) -> Summary:
    """Run a study and write its files; trials that are finished already are not run again.

    Args:
        plan: With precision and threads settled.
        feed: The batches that the plan's recipe asks for; see :func:`check_plan`.
        folder: Written to: study.json, results.jsonl, results.csv, timings.csv, trials/, weights/, failures/,
            report.html, which is renewed while the study runs, and excitation/ where the plan says so.
        runner: Runs the trials.
        progress: Is told what happens.
        study: The paper's ablation that the plan is of, for its printed rows.

    Raises:
        SenetError: Of any kind; what had finished stays on disk.
    """
    require_writable(folder)
    with lock_folder(folder):
        trials = plan.trials(feed.fingerprint(), environment())
        results_csv.write_settings(folder, study_settings(plan, feed), merged_environment(trials))
        missing = [trial for trial in trials if read_result(folder, trial) is None]
        progress.begin(len(trials), len(trials) - len(missing))
        writer = ReportWriter(plan, feed, trials, variant_costs(plan, feed), folder, study)
        runner.run(missing, folder, LiveReport(folder, progress, writer.write))
        summary = writer.write()  # before the gates: who interrupts them has all that was trained
        waiting = without_gates(writer.finished, folder) if plan.excite else []
        return writer.write(collect_study_gates(waiting, plan, feed, folder, progress)) if waiting else summary


@dataclass(frozen=True)
class ReportWriter:
    """Writes what a study has found so far, at any time.

    Args:
        plan: Of the study.
        feed: Of its data.
        trials: Of the plan.
        costs: Of the variants, measured before anything runs.
        folder: Written to.
        study: The paper's ablation, if it is one.
    """

    plan: Plan
    feed: Feed
    trials: list[Trial]
    costs: dict[str, VariantCost]
    folder: Path
    study: Study | None = None

    @property
    def finished(self) -> list[Trial]:
        """The trials that have a result."""
        return [trial for trial in self.trials if read_result(self.folder, trial)]

    def write(self, not_seen: tuple[UncollectedTrial, ...] = ()) -> Summary:
        """Compare finished trials and write results, timings and report.

        Args:
            not_seen: Trials whose gates could not be looked at.
        """
        found = [(trial, result) for trial in self.trials if (result := read_result(self.folder, trial))]
        trials, results = [trial for trial, _ in found], [result for _, result in found]
        settings = study_settings(self.plan, self.feed)
        summary = summarise(self.plan, results, self.costs, settings, dict(merged_environment(self.trials)))
        summary = with_published_rows(summary, self.study, left_out_trials(self.folder, self.trials))
        unread = merge_unread((unread_in(self.feed), *(result.unread for result in results)))
        summary = replace(summary, unused=(*unused_in(self.feed), *unreadable_records(unread)))
        if self.plan.excite:
            seen = [(trial, gates) for trial in trials if (gates := read_gates(self.folder, trial))]
            summary = replace(summary, gates=aggregate_gates(list(self.plan.variants), seen, not_seen))
        results_csv.write_results(self.folder, trials, results)
        results_csv.write_timings(self.folder, results, summary.rows)
        write_text(self.folder / "report.html", page.render(summary, datetime.now().astimezone()))
        return summary


def study_settings(plan: Plan, feed: Feed) -> dict[str, Any]:
    """Return the resolved settings as plain values."""
    sizes = sizes_in(feed)
    sized = {} if sizes is None else {"sizes": asdict(sizes)}
    return {
        "network": plan.network,
        "variants": {name: _described(variant, plan) for name, variant in plan.variants.items()},
        "seeds": plan.seeds,
        "data": asdict(plan.data),
        "images": {"train": len(feed.train), "validation": len(feed.validation), "test": len(feed.test)},
        **sized,
        "recipe": recipe_values(plan.recipe),
    }


def _described(variant: Variant, plan: Plan) -> dict[str, Any]:
    """Return what a variant is, as plain values: of its recipe, what it changes."""
    changed = variant.changes(plan.recipe)
    placed = {key: value for key, value in asdict(variant.placement).items() if value not in ("standard", None)}
    return {"attention": to_dict(variant.attention), **placed, **({"recipe": changed} if changed else {})}


def check_plan(plan: Plan) -> tuple[Plan, Feed]:
    """Open the data and build every variant without training, so that a bad plan fails at once.

    Returns:
        The plan, which says whether the images are kept in memory, and the batches that its recipe asks for.
    """
    opened = opened_data(plan.data, Loading(on_error=plan.on_error))
    feed = opened.feed(plan.recipe)
    said = _of_decoding(feed) if plan.data.in_memory is None and not opened.settings.in_memory else ()
    _require_feeds(plan, opened)
    plan = build_variants(replace(plan, data=opened.settings), feed)
    return replace(plan, notes=(*plan.notes, *said, *_of_weights(plan, feed))), feed


def _require_feeds(plan: Plan, opened: OpenedData) -> None:
    """Refuse a variant whose own recipe the data cannot be fed by."""
    for name, variant in plan.variants.items():
        try:
            opened.feed(variant.change(plan.recipe))
        except SenetError as error:
            raise type(error)(error.what, where=f"variant {name}", do=error.do) from error


def _of_weights(plan: Plan, feed: Feed) -> tuple[str, ...]:
    """Say, once for variants that are alike, how classes are weighed."""
    recipes = (variant.change(plan.recipe) for variant in plan.variants.values())
    return tuple(dict.fromkeys(line for recipe in recipes for line in class_weights_notices(recipe, feed)))


def _of_decoding(feed: Feed) -> tuple[str, ...]:
    """Say what would spare every trial to decode all images anew."""
    images = len(feed.train) + len(feed.validation) + len(feed.test)
    size = images * math.prod(feed.transform.shape)
    if size > BYTES:
        return ()
    sizes = sizes_in(feed)
    small = sizes is not None and sizes.size is not None
    flags = "--in-memory yes" + ("" if small else f" --image-size {feed.transform.size[0]}")
    cropped = "" if small else ", and crops them by padding instead of by resizing"
    kept = f"{flags} decodes them once ({size / 1e6:,.1f} MB){cropped}"
    return (f"every trial decodes its images as it goes; {kept}",)
