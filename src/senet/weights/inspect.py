"""What ``senet weights inspect`` does: a file of any source is described."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet.errors import WeightsError
from senet.metadata import NOTHING
from senet.weights.fitting import geometry_of
from senet.weights.match import COUNTER
from senet.weights.recognise import recognise
from senet.weights.state import read


@dataclass(frozen=True)
class Inspected:
    """What a file holds.

    Args:
        source: Whose names its tensors have; empty if nobody's that we know.
        family: The networks that have these names, or why there are none.
        geometry: That the weights need; None if there is no choice or nobody says.
        tensors: How many, without counters.
        parameters: Numbers in them, running statistics included.
        dtypes: How many tensors of each.
        names: Of the first tensors.
        about: What our own file says, or what is known of the source's weights.
        sha256: Of the file.
    """

    source: str
    family: str
    geometry: str | None
    tensors: int
    parameters: int
    dtypes: dict[str, int]
    names: tuple[str, ...]
    about: Mapping[str, Any]
    sha256: str


def inspect(file: Path) -> Inspected:
    """Describe a file without a network.

    Raises:
        WeightsError: It cannot be read or trusted.
    """
    held = read(file)
    tensors = {name: value for name, value in held.tensors.items() if not name.endswith(COUNTER)}
    source, family, geometry, said = "", "", None, held.metadata
    try:
        source, dialect = recognise(held)
        family, geometry = dialect.family, geometry_of(dialect, held)
        said = dialect.metadata if said == NOTHING else said
    except WeightsError as error:
        family = error.what
    return Inspected(
        source=source,
        family=family,
        geometry=geometry,
        tensors=len(tensors),
        parameters=sum(value.numel() for value in tensors.values()),
        dtypes=dict(Counter(str(value.dtype).removeprefix("torch.") for value in tensors.values())),
        names=tuple(list(tensors)[:5]),
        about=said.to_dict(),
        sha256=held.sha256,
    )
