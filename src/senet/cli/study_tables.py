"""What ``senet studies`` prints."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table

from senet.attention import to_dict
from senet.models.wanted import STANDARD
from senet.study.named import BASE, Study
from senet.study.variant import Variant, unchanged


def listed(studies: Mapping[str, Study]) -> None:
    """Print a line for each study."""
    table = _table(Column("study", no_wrap=True), Column("variants", justify="right"), Column("asks", overflow="fold"))
    for name, study in studies.items():
        table.add_row(name, str(len(study.variants)), study.question)
    console = Console()
    console.print(table)
    console.print(f"\nsenet compare --study NAME runs one, on {BASE} unless --network says otherwise", highlight=False)


def shown(name: str, study: Study) -> None:
    """Print a study's variants beside what the paper printed."""
    console = Console()
    console.print(f"{name}: {study.question}\n{study.source}\n", markup=False, highlight=False)
    figures = list(dict.fromkeys((row.network, row.figure, row.source) for row in study.published))
    numbers = (Column(f"\\[{i}]", justify="right") for i, _ in enumerate(figures, 1))
    table = _table(Column("variant", no_wrap=True), Column("what it is", overflow="fold"), *numbers)
    for variant, what in study.variants.items():
        table.add_row(variant, _described(what), *(_printed(study, variant, figure) for figure in figures))
    console.print(table)
    for i, (network, figure, source) in enumerate(figures, 1):
        console.print(f"[{i}] {figure}, {network}: {source}", markup=False, highlight=False)


def _table(*columns: Column) -> Table:
    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def values(study: Study) -> dict[str, Any]:
    """Return a study as plain values."""
    return {
        "question": study.question,
        "source": study.source,
        "variants": {
            name: {"attention": to_dict(variant.attention), **asdict(variant.placement)}
            for name, variant in study.variants.items()
        },
        "published": [asdict(row) for row in study.published],
    }


def _described(variant: Variant) -> str:
    said = [str(variant.attention or "no attention")]
    if variant.placement != STANDARD:
        placed = {key: value for key, value in asdict(variant.placement).items() if value not in ("standard", None)}
        said += [f"{key}={value}" for key, value in placed.items() if (key, value) != ("last", True)]
    return ", ".join(said) + ("" if variant.change is unchanged else ", a recipe of its own")


def _printed(study: Study, variant: str, figure: tuple[str, str, str]) -> str:
    found = [r for r in study.published if r.variant == variant and (r.network, r.figure, r.source) == figure]
    return f"{found[0].value:.2f}" if found else ""
