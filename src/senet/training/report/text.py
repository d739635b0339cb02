"""What a run's report says in words: its head, how far the run came, and what it reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from senet.inference.score import Score
from senet.page.head import PageHeader, Verdict, date_text, page_title
from senet.scores.report import cost_facts
from senet.scores.section import ScoreSection, accuracy_verdict, confusion_verdict
from senet.training.report.step_metrics import StepMetrics
from senet.training.writer.metrics import EpochRow
from senet.utils.text import counted, seconds_text


def page_header(said: Mapping[str, Any], steps: StepMetrics) -> PageHeader:
    """Return what the page is of, when and for how long the run went, and what it took.

    Args:
        said: What run.json says; runs of earlier versions say less.
        steps: Of the run.
    """
    about, recipe, identity = (said.get(key, {}) for key in ("about", "recipe", "identity"))
    settled = {
        "Precision": recipe.get("precision"),
        "Threads": recipe.get("threads"),
        "Device": identity.get("environment.device"),
    }
    facts = (
        *([("Began", date_text(began))] if (began := _date(said.get("began"))) else []),
        *([("Training steps took", seconds_text(steps.seconds))] if steps.taken else []),
        *cost_facts(said),
        *((name, str(value)) for name, value in settled.items() if value is not None),
    )
    title = page_title(str(said.get("title", about.get("network", "A network"))), str(said.get("data", "data")))
    return PageHeader(title, facts=facts, command=str(said.get("command", "")))


def _date(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def progress_text(rows: Sequence[EpochRow], steps: StepMetrics, recipe: Mapping[str, Any]) -> str:
    """Say how far the run came."""
    return f"{len(rows)} of {counted(recipe.get('epochs', len(rows)), 'epoch')}, {counted(steps.taken, 'step')}"


def verdicts(
    rows: Sequence[EpochRow], result: Mapping[str, Any], classified: ScoreSection | None, classes: int
) -> list[Verdict]:
    """Say what the run reached, and what a reader should know of the number."""
    said = [_reached(rows, result, classes)] if result else []
    said += [confusion_verdict(classified)] if classified and classified.all_errors else []
    said += [_chosen(result)] if result else []
    if rows and rows[-1].skipped:
        left = "Their loss or gradient was not finite, and the schedule did not advance on them."
        said.append(Verdict(f"{counted(rows[-1].skipped, 'step')} skipped.", left))
    return said


def _reached(rows: Sequence[EpochRow], result: Mapping[str, Any], classes: int) -> Verdict:
    averaged = rows and rows[-1].weights == "average"
    with_weights = f"With {'the average of the weights' if averaged else 'the weights of the last epoch'}."
    return accuracy_verdict(Score(**result["test"]), classes, "test image", with_weights)


def _chosen(result: Mapping[str, Any]) -> Verdict:
    test, best = result["test"], result["best"]
    sentence = f"Epoch {best['epoch']} was the best on the validation images, with {best['validation_top1']:.2f}%."
    if best["validation_images"] == test["images"] and best["validation_loss"] == test["loss"]:
        return Verdict(
            sentence, "Validation and test are the same images: the best epoch was chosen on the test images."
        )
    return Verdict(sentence, "Its weights are saved as best; validation chooses them and is not the score.")
