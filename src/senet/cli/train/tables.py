"""What `senet train` prints."""

import json as json_module
from dataclasses import asdict

from senet.accounting import cost, uncounted_text
from senet.cli.common.tables import print_line, print_pairs, print_wrapped, terminal
from senet.cli.train.job import PreparedTraining
from senet.data import Feed
from senet.data.loader.feed import sizes_in, unused_in
from senet.inference.score import accuracy_text
from senet.training import TrainingResult, write_recipe
from senet.training.recipe.recipe import to_dict
from senet.utils.text import counted, printable


def print_plan(prepared: PreparedTraining, json: bool) -> None:
    """Print what would be run."""
    feed, job = prepared.feed, prepared.job
    shape = feed.transform.channels, *feed.transform.size
    price = cost(prepared.model, shape)
    plan: dict[str, object] = {
        "network": prepared.title,
        "folder": str(job.folder),
        "data": feed.name,
        "classes": len(feed.classes),
        "input": list(shape),
        **_resized(feed),
        "validation_images": len(feed.validation),
        "test_images": len(feed.test),
        "steps": job.recipe.epochs * feed.steps_per_epoch,
        "parameters": price.parameters,
        "multiply_adds": price.multiply_adds,
        "seed": job.seed,
        "precision": asdict(prepared.precision),
    }
    lacking = uncounted_text(price.uncounted)
    if json:
        plan["notes"] = list(prepared.notes)
        plan["unused"] = [asdict(one) for one in unused_in(feed)]
        plan["uncounted"] = [asdict(one) for one in price.uncounted]
        print(json_module.dumps({**plan, "recipe": to_dict(job.recipe), "about": job.metadata.to_dict()}))
        return
    console = terminal()
    print_pairs(console, [(key.replace("_", " "), _shown(value)) for key, value in plan.items() if key != "precision"])
    if lacking:
        print_wrapped(console, lacking)
    print_line(console, "recipe:")
    for line in write_recipe(job.recipe).rstrip().split("\n"):
        print_line(console, f"  {line}" if line else "")
    print_wrapped(console, "nothing was trained (--dry-run)")


def _resized(feed: Feed) -> dict[str, int]:
    """Return how many images are not of the size that most have, where that was looked for."""
    sizes = sizes_in(feed)
    return {} if sizes is None else {"resized_images": sizes.resized}


def print_result(trained: TrainingResult, prepared: PreparedTraining, json: bool) -> None:
    """Print the scores and where the files are."""
    folder, classes = prepared.job.folder, len(prepared.feed.classes)
    if json:
        found = {"test": asdict(trained.test), "best": asdict(trained.best), **_resized(prepared.feed)}
        unused = [asdict(one) for one in trained.unused]
        said = {
            "notes": list(prepared.notes),
            "unused": unused,
            "folder": str(folder),
            "precision": asdict(prepared.precision),
        }
        print(json_module.dumps({**found, **said}))
        return
    test, best = trained.test, trained.best
    console = terminal()
    accuracy = accuracy_text(test.top1, test.top5, classes)
    print_wrapped(console, f"test accuracy {accuracy} on {counted(test.images, 'image')}")
    print_wrapped(console, f"best validation {best.validation_top1:.2f}% in epoch {best.epoch} of {len(trained.rows)}")
    for name, path in (("last", trained.last), ("best", trained.best_weights), ("report", folder / "report.html")):
        print_line(console, f"{name + ':':8}{printable(path)}")


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else printable(value)
