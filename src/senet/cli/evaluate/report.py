"""The page of ``senet evaluate --report``."""

from datetime import datetime

import torch

from senet.cli.common.command_line import command_words
from senet.cli.common.cost_columns import model_cost
from senet.cli.evaluate.run import EvaluationResult
from senet.data.unused import sentences
from senet.page.head import Head, Verdict, date_text, titled
from senet.page.page import flat
from senet.scores.report import Page, cost_facts, render
from senet.scores.shown import reached, shown, weakest
from senet.utils.text import seconds_text


def evaluation_page(done: EvaluationResult) -> str:
    """Return the page; it is to be written as UTF-8."""
    classified = shown(done.classified, done.labels)
    errs = [weakest(classified)] if classified.all_errors else []
    page = Page(_head(done), (_reached(done), *errs), tuple(sentences(done.unused)), _particulars(done))
    return render(page, classified)


def _head(done: EvaluationResult) -> Head:
    opened, compute = done.opened, done.opened.classifier.compute
    model, transform = opened.classifier.model, opened.transform
    facts = (
        ("Made", date_text(datetime.now().astimezone())),
        ("Scoring took", seconds_text(done.seconds)),
        *cost_facts(model_cost(model, (transform.channels, *transform.size))),
        ("Precision", compute.precision),
        ("Threads", str(torch.get_num_threads())),
        ("Device", str(next(model.parameters()).device)),
    )
    part = f", {done.part}" if done.part else ""
    return Head(f"{titled(opened.title, done.source)}{part}", facts=facts, command=" ".join(command_words()))


def _reached(done: EvaluationResult) -> Verdict:
    score, total = done.found.score, done.found.total
    lost = f" {total - score.images:,} of {total:,} images could not be read and are not among them."
    return reached(score, done.opened.outputs, "image", lost.strip() if score.images != total else "")


def _particulars(done: EvaluationResult) -> tuple[tuple[str, list[tuple[str, str]]], ...]:
    opened = done.opened
    weights = {"file": opened.where, "network": opened.title, "epoch": opened.metadata.epoch}
    data = {"source": done.source, "split": done.part or None, "images": done.found.total}
    return ("Weights", flat(weights)), ("Data", flat(data)), ("Input", flat(opened.transform.to_dict()))
