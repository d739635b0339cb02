"""What senet insert prints."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import repeat
from json import dumps
from pathlib import Path
from typing import Any

from rich.text import Text

from senet.accounting import uncounted_text
from senet.attention import to_dict
from senet.cli.common.cost_columns import COST_COLUMNS, cost_cells, difference_rows
from senet.cli.common.tables import Column, Table, print_line, print_table, print_wrapped, terminal, text_column
from senet.cli.cost.count import CONVENTIONS
from senet.cli.insert.records import InsertReport, PlaceListing
from senet.insertion import Place
from senet.utils.text import counted, printable


def print_places(listing: PlaceListing, json: bool) -> None:
    """Print the places that are chosen, and how many each strategy has."""
    request = listing.request
    if json:
        found = {"places": list(map(_facts, listing.places)), "strategies": listing.strategies}
        print(dumps({**asdict(request), **found, "token_sums": listing.tokens, "patch_embeddings": listing.embeddings}))
        return
    console = terminal()
    places = counted(len(listing.places), "place")
    title = f"{request.network}: {places}, {request.placement.where}{_units(listing.places)}"
    print_table(console, _place_table(title, listing.places))
    counts = ", ".join(f"{name} ({n})" for name, n in listing.strategies.items())
    if listing.embedded:
        print_wrapped(console, f"note: {listing.embedded}")
    if listing.tokens:
        print_wrapped(
            console, f"No place is in {counted(listing.tokens, 'residual sum')} of tokens, as transformers have."
        )
    print_wrapped(console, f"--where takes {counts}, or a glob over module names.")
    print_wrapped(console, "To insert one, name an attention after the network, such as SE.")


def print_insert_report(report: InsertReport, folder: Path | None, json: bool) -> None:
    """Print what the insertion cost, where the blocks are and what became of the outputs."""
    if json:
        print(dumps(_data(report, folder)))
        return
    console = terminal()
    places, request = report.places, report.request
    where = f"{counted(len(places), 'place')}, {request.placement.where}"
    print_table(console, _totals(f"{request.network}: {report.spec} in {where}", report))
    works = [cost_cells(place.cost(report.spec))[:2] for place in places]
    title = f"Blocks, init {report.init}{_units(places)}"
    print_table(console, _place_table(title, places, ("parameters", "mult-adds"), works))
    for line in _notes(report, folder):
        print_wrapped(console, line)
    for path in (folder / "weights.safetensors", folder / "model.toml") if folder else ():
        print_line(console, f"written: {printable(path)}")
    print_wrapped(console, Text(CONVENTIONS, "dim"))


def _totals(title: str, report: InsertReport) -> Table:
    columns = (text_column(), *COST_COLUMNS)[: 2 if report.uncounted else None]
    rows = [["before", *cost_cells(report.before)], ["after", *cost_cells(report.after)]]
    rows += [*difference_rows(report.after, report.before), ["attention's share", *cost_cells(report.share)]]
    return Table(columns, [row[: len(columns)] for row in rows], title)


def _place_table(
    title: str, places: Sequence[Place], headings: Sequence[str] = (), cells: Iterable[Sequence[str]] = repeat(())
) -> Table:
    """Return a table of places; the kind of unit is a column where there are several kinds."""
    unit = () if _units(places) else (text_column("unit"),)
    rows = []
    for place, more in zip(places, cells, strict=False):
        size = " x ".join(map(str, place.size))
        stage = "-" if place.stage is None else str(place.stage)
        rows.append([printable(place.name), *[place.kind for _ in unit], stage, str(place.channels), size, *more])
    numbers = map(Column, ("stage", "channels", "size", *headings))
    return Table((text_column("place"), *unit, *numbers), rows, title)


def _units(places: Sequence[Place]) -> str:
    """Name the kind of unit that all places are in; empty where there are several."""
    kinds = {place.kind for place in places}
    if kinds == {"module"}:
        return ", by name"
    return f", in {kinds.pop()} units" if len(kinds) == 1 else ""


def _notes(report: InsertReport, folder: Path | None) -> Iterator[str]:
    yield f"counted: on {' x '.join(map(str, report.request.example[1:]))}"
    if report.uncounted:
        yield f"multiply-adds: cannot be counted without data: {report.uncounted}"
    if text := uncounted_text(report.unknown):
        yield text
    yield f"weights: {report.weights}"
    yield f"outputs: {_said(report)}"
    if not folder:
        yield "dry run: nothing written"


def _said(report: InsertReport) -> str:
    found = report.outputs
    if found.equal:
        return "on the example bit-identical to those before"
    keep = "; --init preserve keeps them as they are" if report.trained and report.init == "paper" else ""
    return f"differ on the example by up to {found.difference:.3g}, of values up to {found.largest:.3g}{keep}"


def _data(report: InsertReport, folder: Path | None) -> dict[str, Any]:
    sides = {"before": report.before, "after": report.after, "difference": report.after - report.before}
    works = {name: asdict(work) for name, work in {**sides, "attention_share": report.share}.items()}
    if report.uncounted:
        works = {name: {"parameters": work["parameters"]} for name, work in works.items()}
    places = [{**_facts(p), "cost": asdict(p.cost(report.spec))} for p in report.places]
    return {
        **asdict(report.request),
        "attention": to_dict(report.spec),
        "init": report.init,
        "weights": report.weights,
        **works,
        "outputs": asdict(report.outputs),
        "places": places,
        "patch_embeddings": report.embeddings,
        "uncounted": [asdict(one) for one in report.unknown],
        "folder": folder and str(folder),
        "conventions": CONVENTIONS,
    }


def _facts(place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "unit": place.kind,
        "strategy": place.strategy,
        "stage": place.stage,
        "channels": place.channels,
        "size": place.size,
    }
