"""What ``senet models`` prints."""

from collections.abc import Sequence
from typing import Any

from senet.attention import to_dict
from senet.cli.common.tables import Column, Table, print_table, print_wrapped, terminal, text_column
from senet.networks import NETWORKS
from senet.networks.published.parameters import PARAMETERS
from senet.utils.text import counted


def print_models(listed: Sequence[str]) -> None:
    """Print a row for each network."""
    console = terminal()
    rows = []
    for name in listed:
        row = NETWORKS[name]
        cells = f"3 x {row.size} x {row.size}", f"{row.num_classes:,}", f"{PARAMETERS[name]:,}"
        rows.append((name, *cells, str(row.attention or "none")))
    numbers = map(Column, ("image", "classes", "parameters"))
    print_table(console, Table((text_column("network"), *numbers, text_column("attention")), rows))
    print_wrapped(console, f"{counted(len(rows), 'network')} as published, counted with classifier and attention")


def network_values(name: str) -> dict[str, Any]:
    """Return a network's row as plain values."""
    row = NETWORKS[name]
    return {
        "attention": to_dict(row.attention),
        "input_size": [3, row.size, row.size],
        "classes": row.num_classes,
        "parameters": PARAMETERS[name],
    }
