"""What ``senet evaluate`` and ``senet predict`` share: a file of weights becomes a classifier and its labels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from senet.cli.here import factory_of, find_modules_here
from senet.cli.notes import note
from senet.data.classes import from_json
from senet.data.labels import Labels, labelled_by, read_labels, require_agreement
from senet.data.transform import SHARE, SIZE, InputTransform, from_dict
from senet.errors import UsageError, WeightsError
from senet.inference.classifier import Classifier, classifier, outputs_of
from senet.inference.device import device_of
from senet.insertion import blocks
from senet.networks import Network
from senet.sources.trained import Opened, open_as, open_trained
from senet.weights.dialect import IMAGENET

PHOTOGRAPHS = 100  # pixels; networks for smaller images see the whole of them


@dataclass(frozen=True)
class Asked:
    """Which weights, and how to use them; see the commands.

    Args:
        path: Of the weights.
        network: What they are of, where they do not say it.
        classes: File of names, where they have none.
        factory: ``MODULE.PATH:FUNCTION`` that makes the model.
        precision: Of the computation.
        device: As torch has it, or auto.
    """

    path: Path
    network: str | None
    classes: Path | None
    factory: str | None
    precision: Literal["float32", "bf16"]
    device: str


@dataclass(frozen=True)
class Ready:
    """A classifier with all that is known of it.

    Args:
        made: Model and input.
        outputs: Of the model.
        labels: What they mean; None where nobody says.
        title: What the model is, for reading.
        where: The file of weights.
        about: What the file says of itself.
    """

    made: Classifier
    outputs: int
    labels: Labels | None
    title: str
    where: str
    about: Mapping[str, Any]


def ready(asked: Asked) -> Ready:
    """Open the weights and prove that model, input and labels belong together.

    Raises:
        SenetError: They do not, or cannot be read.
    """
    given = read_labels(asked.classes) if asked.classes else None
    opened = _opened(asked, given)
    transform = _transform(opened)
    made = classifier(opened.model.to(device_of(asked.device)), transform, asked.precision)
    outputs = outputs_of(made, opened.where)
    labels = _labels(opened, given, outputs)
    return Ready(made, outputs, labels, _title(opened, asked), opened.where, opened.about)


def _opened(asked: Asked, given: Labels | None) -> Opened:
    if asked.network is None:
        return open_trained(asked.path, factory=factory_of(asked.factory))
    if asked.factory:
        raise UsageError("--network and --factory both name the model", do="pass one of them")
    find_modules_here(asked.network)
    whole = given is not None and given.numbers == tuple(range(len(given.numbers)))
    own = asked.network.startswith(("torchvision:", "timm:"))
    return open_as(asked.path, asked.network, len(given.numbers) if given and whole and own else None)


def _transform(opened: Opened) -> InputTransform:
    said = opened.about.get("input_transform")
    if said is None:
        note("the weights say nothing of their input: ImageNet's mean and deviation are assumed")
        said = IMAGENET["input_transform"]
    if not isinstance(said, Mapping):
        raise WeightsError("its input transform is not an object", where=opened.where)
    transform = from_dict(said, opened.where)
    if "size" not in said and "input_size" not in said:
        transform = replace(transform, **_published(opened))
        height, width = transform.size
        note(f"the weights do not say how large their images are: taken as {height} x {width} of {transform.resize}")
    return transform


def _published(opened: Opened) -> dict[str, Any]:
    """Return the size that the network is published for."""
    spec = opened.model.spec if isinstance(opened.model, Network) else None
    side = spec.size if spec else SIZE
    return {"size": (side, side), "resize": math.floor(side / SHARE) if side > PHOTOGRAPHS else side}


def _labels(opened: Opened, given: Labels | None, outputs: int) -> Labels | None:
    stored = opened.about.get("classes")
    if stored is None:
        if given and "class_order" in opened.about:
            note(f"the order of the weights' classes: {opened.about['class_order']}; --classes has to follow it")
        labels = given
    else:
        labels = labelled_by(from_json(stored, opened.where))
        if len(labels.names) != outputs:
            raise WeightsError(f"{len(labels.names)} classes, but the model has {outputs} outputs", where=opened.where)
        if given:
            require_agreement(given, labels.names, opened.where)
            labels = given
    if labels and labels.numbers[-1] >= outputs:
        last, number = labels.names[-1], labels.numbers[-1]
        raise UsageError(f"the class {last!r} has number {number}, but the model has {outputs} outputs")
    return labels


def _title(opened: Opened, asked: Asked) -> str:
    model = opened.model
    ours = isinstance(model, Network) and model.spec is not None
    name = model.name if isinstance(model, Network) and ours else asked.network or _source(opened)
    own = [str(model.spec.attention)] if isinstance(model, Network) and model.spec and model.spec.attention else []
    inserted = dict.fromkeys(str(block.spec) for block in blocks(model).values())
    parts = [*own, *(f"{spec} inserted" for spec in inserted)]
    return f"{name} with {', '.join(parts)}" if parts else name


def _source(opened: Opened) -> str:
    from senet.sources.record import parse_record

    record = opened.about.get("record")
    if "source" in opened.about or not isinstance(record, str):
        return str(opened.about.get("source", type(opened.model).__name__))
    return parse_record(record, opened.where).source


def named(opened: Ready) -> Labels:
    """Return the labels, which a score cannot do without.

    Raises:
        WeightsError: The weights have none, and nobody gave any.
    """
    if opened.labels is None:
        raise WeightsError(
            "the weights do not say which class each output is",
            where=opened.where,
            do="pass --classes FILE.json: a list of the folders' names in the order of the outputs",
        )
    return opened.labels
