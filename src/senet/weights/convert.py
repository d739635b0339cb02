"""What ``senet weights convert`` and ``inspect`` do: a file of any source becomes ours, or is described."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet.attention import AttentionSpec
from senet.errors import WeightsError
from senet.networks import PUBLISHED
from senet.networks.create import Published
from senet.weights.digest import sha256
from senet.weights.fitting import geometry_of
from senet.weights.load import Loaded
from senet.weights.place import COUNTER
from senet.weights.pretrained import fitted
from senet.weights.recognise import Source, recognise
from senet.weights.save import save_weights
from senet.weights.state import read


def convert(
    file: Path,
    network: str,
    out: Path,
    *,
    source: Source | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
    about: Mapping[str, Any] | None = None,
) -> Loaded:
    """Load a file into the network that it fits and write that network's weights.

    Args:
        file: Of any source.
        network: Name of the network; geometry and number of classes follow from the file.
        out: Ends in ``.safetensors``.
        source: Whose names they are; None recognises it.
        attention: As for ``create()``, where the file is not for the published one.
        about: More to travel with the weights, such as their licence.

    Raises:
        WeightsError: They do not fit.
        UsageError: No such network, source or suffix.
    """
    model, loaded = fitted(network, file, source=source, attention=attention)
    origin = {"file": file.name, "source": loaded.source, "sha256": sha256(file)}
    save_weights(model, out, about={"origin": origin, **loaded.about, **(about or {})})
    return loaded


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
    source, family, geometry, about = "", "", None, dict(held.about)
    try:
        source, dialect = recognise(held)
        family, geometry = dialect.family, geometry_of(dialect, held)
        about = about or dict(dialect.about)
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
        about=about,
        sha256=sha256(file),
    )
