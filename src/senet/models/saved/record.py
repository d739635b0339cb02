"""What rebuilds a model with inserted blocks, as TOML: its source, every block, the digest of its weights.

The places stand there themselves, not the strategy that chose them: no later way of finding places can put a block
elsewhere, and rebuilding needs no example to run on.
"""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from senet.errors import WeightsError
from senet.models.factory.name import ModelName, recorded_name
from senet.models.saved.block_records import BlockGroup
from senet.utils.dataclass_io import dataclass_from_dict, parse_toml, read_toml
from senet.weights.files.read import LoadedStateDict

RECORD_KIND = "record of a model"
HEADING = "# The network that these weights are of; senet.rebuild() makes it again.\n"


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """All that rebuilds a model.

    Args:
        senet: Version that wrote it.
        source: As :func:`senet.models.read_name` reads it.
        classes: Outputs of the classifier, where it is not the source's own number.
        head: Path of the classifier, where it was replaced in the model that a function makes.
        sha256: Of the file of weights; empty in a record that travels within that file.
        blocks: Of all insertions.
    """

    senet: str
    source: str
    classes: int | None = None
    head: str | None = None
    sha256: str
    blocks: tuple[BlockGroup, ...] = ()

    @property
    def name(self) -> ModelName:
        """Of the model."""
        return recorded_name(self.source)


@dataclass(frozen=True)
class SavedWeights:
    """Weights, and what they say of their model.

    Args:
        state: The weights.
        record: Of other people's models and of inserted blocks; None where they have none.
    """

    state: LoadedStateDict
    record: ModelRecord | None = None


def read_record(path: Path) -> ModelRecord:
    """Read a record.

    Raises:
        WeightsError: No file, not TOML, an unknown, missing or mistyped key.
    """
    return read_toml(path, RECORD_KIND, partial(dataclass_from_dict, ModelRecord), WeightsError)


def parse_record(text: str, where: str) -> ModelRecord:
    """Read a record from its text.

    Raises:
        WeightsError: Not TOML, an unknown, missing or mistyped key.
    """
    return parse_toml(text, where, RECORD_KIND, partial(dataclass_from_dict, ModelRecord), WeightsError)


def record_text(record: ModelRecord) -> str:
    """Return a record as TOML, which reads as an equal one."""
    import tomli_w  # tomllib only reads

    return HEADING + tomli_w.dumps(_without_none(asdict(record)))


def _without_none(value: Any) -> Any:
    """Leave out what TOML cannot say, and what is empty."""
    if isinstance(value, dict):
        return {key: _without_none(v) for key, v in value.items() if v is not None and v != ()}
    return [_without_none(v) for v in value] if isinstance(value, tuple) else value
