"""The page of ``senet evaluate --report``."""

from datetime import datetime

import torch

from senet.cli.common.command_line import command_words
from senet.cli.common.cost_columns import model_cost
from senet.cli.evaluate.run import EvaluateReport
from senet.data.unused import unused_sentences
from senet.page.head import PageHeader, Verdict, date_text, page_title
from senet.page.page import settings_rows
from senet.scores.report import ScorePage, cost_facts, render_score_page
from senet.scores.section import accuracy_verdict, confusion_verdict, score_section
from senet.utils.text import seconds_text


def evaluation_page(result: EvaluateReport) -> str:
    """Return the page; it is to be written as UTF-8."""
    classified = score_section(result.classified, result.labels)
    errs = [confusion_verdict(classified)] if classified.all_errors else []
    page = ScorePage(
        _head(result), (_reached(result), *errs), tuple(unused_sentences(result.unused)), _particulars(result)
    )
    return render_score_page(page, classified)


def _head(result: EvaluateReport) -> PageHeader:
    loaded, compute = result.loaded, result.loaded.classifier.compute
    model, transform = loaded.classifier.model, loaded.transform
    facts = (
        ("Made", date_text(datetime.now().astimezone())),
        ("Scoring took", seconds_text(result.seconds)),
        *cost_facts(model_cost(model, (transform.channels, *transform.size))),
        ("Precision", compute.precision),
        ("Threads", str(torch.get_num_threads())),
        ("Device", str(next(model.parameters()).device)),
    )
    part = f", {result.part}" if result.part else ""
    return PageHeader(
        f"{page_title(loaded.title, result.source)}{part}", facts=facts, command=" ".join(command_words())
    )


def _reached(result: EvaluateReport) -> Verdict:
    score, total = result.found.score, result.found.total
    lost = f" {total - score.images:,} of {total:,} images could not be read and are not among them."
    return accuracy_verdict(score, result.loaded.outputs, "image", lost.strip() if score.images != total else "")


def _particulars(result: EvaluateReport) -> tuple[tuple[str, list[tuple[str, str]]], ...]:
    loaded = result.loaded
    weights = {"file": loaded.where, "network": loaded.title, "epoch": loaded.metadata.epoch}
    data = {"source": result.source, "split": result.part or None, "images": result.found.total}
    return (
        ("Weights", settings_rows(weights)),
        ("Data", settings_rows(data)),
        ("Input", settings_rows(loaded.transform.to_dict())),
    )
