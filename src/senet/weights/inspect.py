"""What ``senet weights inspect`` does: a file of any source is described."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet.errors import WeightsError
from senet.metadata import NO_METADATA
from senet.weights.detect_source import detect_source
from senet.weights.files.read import read_weights
from senet.weights.hub.preprocessing import companion_metadata, merge_companion_metadata
from senet.weights.infer_network import geometry_of
from senet.weights.match import COUNTER
from senet.weights.prefixes import strip_prefixes


@dataclass(frozen=True)
class WeightsInspection:
    """What a file holds.

    Args:
        source: Whose names its tensors have; empty if nobody's that we know.
        family: The networks that have these names, or why there are none.
        geometry: That the weights need; None if there is no choice or nobody says.
        tensors: How many, without counters.
        parameters: Numbers in them, running statistics included.
        dtypes: How many tensors of each.
        names: Of the first tensors.
        about: What our own file says, or what lies beside it, or what is known of the source's weights.
        sha256: Of the file.
        taken: Key of the state dict that is described; empty where the file is one itself.
        states: Tensors of each state dict in the file.
        passed_over: Keys of what is no weights, with the foreign classes under them.
        unused: Tensors that are no weights, such as a profiler's counts.
        notes: Which of the weights these are, what lies beside the file, and what is not used, in sentences.
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
    taken: str
    states: dict[str, int]
    passed_over: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(file: Path, raw: bool = False) -> WeightsInspection:
    """Describe a file without a network.

    Args:
        file: Of any source.
        raw: Describe the raw weights where the file has an average of them, too.

    Raises:
        WeightsError: It cannot be read or trusted.
    """
    state = strip_prefixes(read_weights(file, raw))
    known, contents = merge_companion_metadata(state.metadata, companion_metadata(state.hub_config)), state.contents
    tensors = {name: value for name, value in state.tensors.items() if not name.endswith(COUNTER)}
    source, family, geometry, said = "", "", None, known.metadata
    try:
        source, dialect = detect_source(state)
        family, geometry = dialect.family, geometry_of(dialect, state)
        said = said.with_defaults(dialect.metadata) if state.metadata == NO_METADATA else said
    except WeightsError as error:
        family = error.what
    return WeightsInspection(
        source=source,
        family=family,
        geometry=geometry,
        tensors=len(tensors),
        parameters=sum(value.numel() for value in tensors.values()),
        dtypes=dict(Counter(str(value.dtype).removeprefix("torch.") for value in tensors.values())),
        names=tuple(list(tensors)[:5]),
        about=said.to_dict(),
        sha256=state.sha256,
        taken=contents.taken,
        states=dict(contents.states),
        passed_over=contents.passed,
        unused=contents.unused,
        notes=(*contents.notes, *state.beside, *known.notes),
    )
