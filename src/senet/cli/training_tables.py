"""What `senet train` prints."""

import json as json_module
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from senet.accounting import cost
from senet.cli.tables import terminal
from senet.cli.training_job import Prepared
from senet.inference.score import accuracy_text
from senet.text import plain
from senet.training import Trained, write_recipe
from senet.training.recipe import to_dict


def show_plan(prepared: Prepared, json: bool) -> None:
    """Print what would be run."""
    feed, job = prepared.feed, prepared.job
    shape = feed.transform.channels, *feed.transform.size
    price = cost(prepared.model, shape)
    plan = {
        "network": prepared.title,
        "folder": str(job.folder),
        "data": feed.name,
        "classes": len(feed.classes),
        "input": list(shape),
        "validation_images": len(feed.validation),
        "test_images": len(feed.test),
        "steps": job.recipe.epochs * feed.steps_per_epoch,
        "parameters": price.parameters,
        "multiply_adds": price.multiply_adds,
        "seed": job.seed,
    }
    if json:
        print(json_module.dumps({**plan, "recipe": to_dict(job.recipe), "about": job.metadata.to_dict()}))
        return
    console = terminal()
    console.print(_pairs({key.replace("_", " "): value for key, value in plan.items()}))
    console.print(Text("recipe:"))
    console.print(Text(write_recipe(job.recipe).rstrip()))
    console.print(Text("nothing was trained (--dry-run)"))


def show_result(trained: Trained, classes: int, folder: Path, json: bool) -> None:
    """Print the scores and where the files are."""
    if json:
        result = {"test": asdict(trained.test), "best": asdict(trained.best), "folder": str(folder)}
        print(json_module.dumps(result))
        return
    test, best = trained.test, trained.best
    console = Console(highlight=False)
    console.print(Text(f"test accuracy {accuracy_text(test.top1, test.top5, classes)} on {test.images:,} images"))
    console.print(Text(f"best validation {best.validation_top1:.2f}% in epoch {best.epoch} of {len(trained.rows)}"))
    for name, path in (("last", trained.last), ("best", trained.best_weights), ("report", folder / "report.html")):
        console.print(Text(f"{name + ':':8}{plain(path)}"), soft_wrap=True)


def _pairs(values: dict[str, object]) -> Table:
    columns = Column(), Column(justify="right", overflow="fold")
    table = Table(*columns, box=box.SIMPLE, show_header=False, pad_edge=False)
    for key, value in values.items():
        table.add_row(Text(key), Text(_shown(value)))
    return table


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else plain(value)
