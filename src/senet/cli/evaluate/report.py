"""The page of ``senet evaluate --report``."""

from datetime import datetime

import torch

from senet.cli.common.amounts import price_of
from senet.cli.common.remedies import typed
from senet.cli.evaluate.run import Done
from senet.data.unused import unused_sentences
from senet.page.head import PageHeader, Verdict, date_text, page_title
from senet.page.page import settings_rows
from senet.scores.report import ScorePage, cost_facts, render_score_page
from senet.scores.section import accuracy_verdict, confusion_verdict, score_section
from senet.utils.text import seconds_text


def page_of(done: Done) -> str:
    """Return the page; it is to be written as UTF-8."""
    classified = score_section(done.classified, done.labels)
    errs = [confusion_verdict(classified)] if classified.all_errors else []
    page = ScorePage(_head(done), (_reached(done), *errs), tuple(unused_sentences(done.unused)), _particulars(done))
    return render_score_page(page, classified)


def _head(done: Done) -> PageHeader:
    opened, compute = done.opened, done.opened.classifier.compute
    model, transform = opened.classifier.model, opened.transform
    facts = (
        ("Made", date_text(datetime.now().astimezone())),
        ("Scoring took", seconds_text(done.seconds)),
        *cost_facts(price_of(model, (transform.channels, *transform.size))),
        ("Precision", compute.precision),
        ("Threads", str(torch.get_num_threads())),
        ("Device", str(next(model.parameters()).device)),
    )
    part = f", {done.part}" if done.part else ""
    return PageHeader(f"{page_title(opened.title, done.source)}{part}", facts=facts, command=" ".join(typed()))


def _reached(done: Done) -> Verdict:
    score, total = done.found.score, done.found.total
    lost = f" {total - score.images:,} of {total:,} images could not be read and are not among them."
    return accuracy_verdict(score, done.opened.outputs, "image", lost.strip() if score.images != total else "")


def _particulars(done: Done) -> tuple[tuple[str, list[tuple[str, str]]], ...]:
    opened = done.opened
    weights = {"file": opened.where, "network": opened.title, "epoch": opened.metadata.epoch}
    data = {"source": done.source, "split": done.part or None, "images": done.found.total}
    return (
        ("Weights", settings_rows(weights)),
        ("Data", settings_rows(data)),
        ("Input", settings_rows(opened.transform.to_dict())),
    )
