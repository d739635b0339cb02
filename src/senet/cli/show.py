"""What ``senet compare`` prints."""

import json as json_module
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from senet.data import Dataset
from senet.study.plan import Plan
from senet.study.statistics import smallest_p
from senet.study.summary import Summary
from senet.study.table import render


def show_plan(plan: Plan, data: Dataset, folder: Path, workers: int) -> None:
    """Print what would be run."""
    recipe = plan.recipe
    trials = plan.seeds * len(plan.variants)
    print(f"{trials} trials: {len(plan.variants)} variants x {plan.seeds} seeds of {plan.network}")
    for variant in plan.variants:
        print(f"  {variant}")
    print(f"{plan.data.source}: {len(data.train)} images to train on, {len(data.test)} to score")
    print(f"{recipe.epochs} epochs, batch {recipe.batch_size}, lr {recipe.lr:g}, {recipe.schedule}, {recipe.precision}")
    print(f"{workers} processes of {recipe.threads} threads; results in {folder}")
    print(f"smallest p that {plan.seeds} paired seeds can reach: {smallest_p(plan.seeds):.3g}")


def show_summary(summary: Summary, folder: Path, json: bool) -> None:
    """Print the table, the verdicts and where the files are."""
    if json:
        print(json_module.dumps({**asdict(summary), "folder": str(folder)}))
        return
    console = Console()
    console.print(render(summary))
    console.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True, highlight=False)
