"""What travels with weights: the model that they are of, its input and classes, and how they were trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from senet.errors import UsageError, WeightsError
from senet.utils.dataclass_io import dataclass_from_dict

RECORD_FILE = "model.toml"  # the file beside weights that holds their record, and what their metadata says then


@dataclass(frozen=True)
class Metadata:
    """Of one file of weights; whatever it does not say is None.

    Args:
        network: Name of a network of ours.
        attention: In its own slots, as :func:`senet.attention.to_dict` has it; ``published`` is the row's own.
        geometry: Of such a network; None where it has no choice.
        num_classes: Outputs of it.
        in_channels: Of its images.
        record: Of any other model, and of inserted blocks, as TOML; or the name of the file beside the weights.
        source: Name of the model, where the record lies beside.
        classes: Names of the outputs, in their order.
        class_order: In words, where nobody has the names.
        input_transform: As :class:`~senet.data.transforms.evaluation.InputTransform` has it.
        architecture: What timm calls the model.
        tag: Of timm's weights.
        data: What they were trained on; of a folder its name alone.
        seed: Of the training run.
        epoch: That the weights are of.
        validation_accuracy: After it, in percent.
        averaged: Whether they are an average over steps.
        licence: Of the weights.
        origin: Where they were converted or fetched from.
        more: What else a file says.
    """

    network: str | None = None
    attention: Literal["published"] | dict[str, Any] | None = "published"
    geometry: str | None = None
    num_classes: int | None = None
    in_channels: int | None = None
    record: str | None = None
    source: str | None = None
    classes: tuple[str, ...] | None = None
    class_order: str | None = None
    input_transform: dict[str, Any] | None = None
    architecture: str | None = None
    tag: str | None = None
    data: str | None = None
    seed: int | None = None
    epoch: int | None = None
    validation_accuracy: float | None = None
    averaged: bool | None = None
    licence: str | None = None
    origin: dict[str, Any] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what is said, JSON-ready."""
        said = {key: value for key, value in asdict(self).items() if value is not None and key in PLAIN}
        attention = {} if self.attention == "published" else {"attention": self.attention}
        return {**attention, **said, **self.more}

    def with_defaults(self, other: "Metadata") -> "Metadata":
        """Return this, and what the other says beside."""
        return read_metadata({**other.to_dict(), **self.to_dict()})

    @property
    def identifies_model(self) -> bool:
        """Whether it is enough to build the model."""
        return self.network is not None or self.record is not None


NO_METADATA = Metadata()
KNOWN = {one.name for one in fields(Metadata)} - {"more"}
PLAIN = KNOWN - {"attention"}  # None is nothing said; of attention it is a network without


def read_metadata(said: Mapping[str, Any], where: str = "") -> Metadata:
    """Read what a file says, of today or of any version before.

    Args:
        said: JSON-ready.
        where: The file, for messages.

    Raises:
        WeightsError: A value of another type.
    """
    known = {key: value for key, value in said.items() if key in KNOWN}
    more = {key: value for key, value in said.items() if key not in KNOWN}
    try:
        return dataclass_from_dict(Metadata, {**known, "more": more})
    except UsageError as error:
        raise WeightsError(f"its metadata: {error.what}", where=where, do=error.do) from error
