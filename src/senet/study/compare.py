"""The main job: plan, train what is missing, compare, write everything down."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from senet.attention import to_dict
from senet.data import Dataset, load
from senet.environment import environment
from senet.files import require_writable, write_text
from senet.study import report, store
from senet.study.live import Live, Progress
from senet.study.named import Study, with_study
from senet.study.outcome import left_out, read_result
from senet.study.plan import Plan, Trial, started
from senet.study.price import Price, prices
from senet.study.runners.runner import Runner
from senet.study.strata import said
from senet.study.summarise import summarise
from senet.study.summary import Summary
from senet.study.variant import Variant
from senet.training.lock import exclusive
from senet.training.recipe import to_dict as recipe_values


def compare(
    plan: Plan, data: Dataset, folder: Path, runner: Runner, progress: Progress, study: Study | None = None
) -> Summary:
    """Run a study and write its files; trials that are finished already are not run again.

    Args:
        plan: With precision and threads settled.
        data: What the plan's settings load.
        folder: Written to: study.json, results.jsonl, results.csv, timings.csv, trials/, weights/, failures/,
            report.html, which is renewed while the study runs.
        runner: Runs the trials.
        progress: Is told what happens.
        study: The paper's ablation that the plan is of, for its printed rows.

    Raises:
        SenetError: Of any kind; what had finished stays on disk.
    """
    require_writable(folder)
    with exclusive(folder):
        trials = plan.trials(data.fingerprint(), environment())
        store.write_settings(folder, settings_of(plan, data), said(trials))
        missing = [trial for trial in trials if read_result(folder, trial) is None]
        progress.begin(len(trials), len(trials) - len(missing))
        drawing = Drawing(plan, data, trials, prices(plan, data), folder, study)
        runner.run(missing, folder, Live(folder, progress, drawing.draw))
        return drawing.draw()


@dataclass(frozen=True)
class Drawing:
    """Writes what a study has found so far, at any time.

    Args:
        plan: Of the study.
        data: Of the study.
        trials: Of the plan.
        prices: Of the variants, measured before anything runs.
        folder: Written to.
        study: The paper's ablation, if it is one.
    """

    plan: Plan
    data: Dataset
    trials: list[Trial]
    prices: dict[str, Price]
    folder: Path
    study: Study | None = None

    def draw(self) -> Summary:
        """Compare finished trials and write results, timings and report."""
        found = [(trial, result) for trial in self.trials if (result := read_result(self.folder, trial))]
        trials, results = [trial for trial, _ in found], [result for _, result in found]
        settings = settings_of(self.plan, self.data)
        summary = summarise(self.plan, results, self.prices, settings, dict(said(self.trials)))
        summary = with_study(summary, self.study, left_out(self.folder, self.trials))
        store.write_results(self.folder, trials, results)
        store.write_timings(self.folder, results, summary.rows)
        write_text(self.folder / "report.html", report.render(summary))
        return summary


def settings_of(plan: Plan, data: Dataset) -> dict[str, Any]:
    """Return the resolved settings as plain values."""
    return {
        "network": plan.network,
        "variants": {name: _described(variant, plan) for name, variant in plan.variants.items()},
        "seeds": plan.seeds,
        "data": asdict(plan.data),
        "images": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "recipe": recipe_values(plan.recipe),
    }


def _described(variant: Variant, plan: Plan) -> dict[str, Any]:
    """Return what a variant is, as plain values: of its recipe, what it changes."""
    base, own = recipe_values(plan.recipe), recipe_values(variant.change(plan.recipe))
    changed = {key: own.get(key) for key in base | own if own.get(key) != base.get(key)}
    placed = {key: value for key, value in asdict(variant.placement).items() if value not in ("standard", None)}
    return {"attention": to_dict(variant.attention), **placed, **({"recipe": changed} if changed else {})}


def check(plan: Plan) -> tuple[Plan, Dataset]:
    """Load the data and build every variant without training, so that a bad plan fails at once."""
    data = load(plan.data)
    return started(plan, data), data
