"""What ``senet studies`` prints, and what of a study's variants every command says alike."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from senet.attention import to_dict
from senet.cli.common.tables import Column, Table, print_table, print_wrapped, terminal, text_column
from senet.cli.train.recipe_flags import STUDY_RECIPE
from senet.models.start.request import STANDARD
from senet.study.named_studies import BASE, Study
from senet.study.variant import Variant
from senet.training import Recipe
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.text import flatten


def print_studies(studies: Mapping[str, Study]) -> None:
    """Print a line for each study."""
    rows = [(name, str(len(study.variants)), study.question) for name, study in studies.items()]
    console = terminal()
    print_table(console, Table((text_column("study"), Column("variants"), text_column("asks")), rows))
    print_wrapped(console, f"senet compare --study NAME runs one, on {BASE} unless --network says otherwise")


def print_study(name: str, study: Study) -> None:
    """Print a study's variants beside what the paper printed."""
    console = terminal()
    print_wrapped(console, f"{name}: {study.question}\n{study.source}\n")
    base = dataclass_from_dict(Recipe, STUDY_RECIPE)
    figures = list(dict.fromkeys((row.network, row.figure, row.source) for row in study.published))
    numbers = (Column(f"[{i}]") for i, _ in enumerate(figures, 1))
    rows = [
        (variant, describe_variant(what, base), *(_printed(study, variant, figure) for figure in figures))
        for variant, what in study.variants.items()
    ]
    print_table(console, Table((text_column("variant"), text_column("what it is"), *numbers), rows))
    for i, (network, figure, source) in enumerate(figures, 1):
        print_wrapped(console, f"[{i}] {figure}, {network}: {source}")


def study_values(study: Study) -> dict[str, Any]:
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


def describe_variant(variant: Variant, recipe: Recipe) -> str:
    """Return what makes a variant differ from others of its study: attention, where it goes, what of its recipe.

    Args:
        variant: Of a study.
        recipe: Of the study's base.
    """
    said = [str(variant.attention or "no attention")]
    if variant.placement != STANDARD:
        placed = {key: value for key, value in asdict(variant.placement).items() if value not in ("standard", None)}
        said += [f"{key}={value}" for key, value in placed.items() if (key, value) != ("last", True)]
    return ", ".join([*said, *(f"{key}={value}" for key, value in flatten(variant.changes(recipe), "").items())])


def _printed(study: Study, variant: str, figure: tuple[str, str, str]) -> str:
    found = [r for r in study.published if r.variant == variant and (r.network, r.figure, r.source) == figure]
    return f"{found[0].value:.2f}" if found else ""
