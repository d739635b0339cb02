"""load(): a trained model with all that is needed to use it on images, from the file of its weights alone."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from senet.attention import AttentionSpec, parse
from senet.attention.custom import CustomSpec
from senet.errors import UsageError
from senet.inference.classifier import Classifier, build_classifier, count_outputs
from senet.inference.compute import Precision
from senet.inference.forward import resolve_device
from senet.metadata import Metadata
from senet.models.factory.build_model import config_for_library, config_from_weights
from senet.models.factory.config import ModelConfig
from senet.models.factory.config import title as titled
from senet.models.factory.name import ModelName, read_name
from senet.models.input_and_labels import labels_of, transform_of
from senet.models.saved.folder import build_and_load, read_saved, rebuild_and_load
from senet.models.saved.record import SavedWeights
from senet.models.start.custom_code import require_spec_in_model
from senet.models.start.request import AS_IT_IS
from senet.networks import PUBLISHED
from senet.networks.create import Published
from senet.networks.network import Geometry
from senet.weights.infer_network import AS_THE_WEIGHTS, NetworkOptions
from senet.weights.load import LoadReport

if TYPE_CHECKING:  # they import torchvision
    from senet.data.labels.labels import Labels
    from senet.data.transforms.evaluation import InputTransform
    from senet.data.transforms.input_settings import InputSettings

logger = logging.getLogger("senet")
NetworkSource = str | Callable[[], nn.Module] | None  # its name, or what makes it


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A trained model, ready for images.

    Args:
        classifier: Model, input transform and precision; ``classifier.logits(images)`` takes (B, C, H, W) uint8.
        outputs: Of the model.
        labels: What they mean; None where nobody says.
        metadata: All that travels with the weights: epoch, accuracy, seed, licence, origin.
        name: Of the model.
        where: The file, or whose weights they are.
        notes: What was chosen in the file, and what was not used of it and of what lies beside it.
    """

    classifier: Classifier
    outputs: int
    labels: "Labels | None"
    metadata: Metadata
    name: ModelName
    where: str
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> nn.Module:
        """(B, C, H, W), as ``transform.normalise`` makes it, -> (B, outputs); in evaluation mode."""
        return self.classifier.model

    @property
    def transform(self) -> "InputTransform":
        """How an image becomes the model's input."""
        return self.classifier.transform

    @property
    def title(self) -> str:
        """What the model is, for reading: its name and its attention."""
        return titled(self.model, self.name)

    @property
    def named(self) -> "Labels":
        """What the outputs mean; their numbers where no names are known."""
        from senet.data.labels.labels import numbered_labels

        return self.labels or numbered_labels(self.outputs)


def load(
    weights: str | PathLike[str],
    *,
    network: str | Callable[[], nn.Module] | None = None,
    geometry: Geometry | None = None,
    attention: str = AS_IT_IS,
    classes: "str | PathLike[str] | Sequence[str] | None" = None,
    precision: Precision = "float32",
    device: str = "cpu",
    raw: bool = False,
    given: "InputSettings | None" = None,
) -> LoadedModel:
    """Open trained weights: the model, what its outputs mean, how an image becomes its input, what it was trained on.

    Nothing that the file names is imported or run. torch's global generator is left as it was. What the weights do not
    say and is assumed is logged.

    Args:
        weights: What training, a study, ``save_weights`` or ``senet weights convert`` wrote; a folder of
            :func:`senet.save_inserted`; or any weights that :func:`senet.load_weights` takes, with their network.
        network: What they are of, where they do not say it or name a function: a name such as ``torchvision:resnet18``
            or ``FILE.py:FUNCTION``, which is imported, or the function itself.
        geometry: Of a network of ours; None is the weights'.
        attention: In the slots of a network of ours, as text, where it is not the weights'; or a block of your own
            that the weights say they have, ``MODULE.PATH:CLASS(...)``, which is then imported.
        classes: Names of the outputs, or a JSON file of them, where the weights have none.
        precision: Of the computation.
        device: ``cpu``, ``cuda``, ``mps`` or ``auto``.
        raw: Take the raw weights of a file that has an average of them, too, which loads otherwise.
        given: Of the input, over what the weights say; what it replaces is logged.

    Raises:
        UsageError: No such network, a function that is missing or fails.
        WeightsError: The file is missing or damaged, does not say what builds the model, or does not fit it.
        DataError: Classes or input transform that cannot be.
    """
    trained = read_saved(weights, raw)
    model, loaded, config = open_weights(trained, network, NetworkOptions(read_slots(attention), geometry))
    metadata, where = loaded.metadata, trained.state.where
    for note in loaded.notes:
        logger.warning("%s: %s", Path(where).name, note)
    transform = transform_of(model, metadata, where, given)
    made = build_classifier(model.to(resolve_device(device)), transform, precision)
    outputs = count_outputs(made, where)
    labels = labels_of(metadata, classes, outputs, where)
    return LoadedModel(made, outputs, labels, metadata, config.name, where, loaded.notes)


def read_slots(attention: str) -> AttentionSpec | Published | None:
    """Read what fills a network's own slots."""
    return PUBLISHED if attention == AS_IT_IS else parse(attention)


def open_weights(
    trained: SavedWeights, network: NetworkSource, choice: NetworkOptions = AS_THE_WEIGHTS
) -> tuple[nn.Module, LoadReport, ModelConfig]:
    """Build the model of weights and load them.

    Args:
        trained: The weights.
        network: What they are of, where they do not say it.
        choice: Attention and geometry of a network of ours, where they are not the weights'.

    Raises:
        SenetError: As of :func:`load`.
    """
    named = _own_code(choice.attention, trained, network)
    if named is None:
        return _open(trained, network, choice)
    found = _open(trained, network, replace(choice, attention=PUBLISHED))
    require_spec_in_model(found[0], named, trained.state.where)
    return found


def _own_code(attention: object, trained: SavedWeights, network: NetworkSource) -> CustomSpec | None:
    """Return a block of the user's own that is named so that what weights say can be built; None where it is chosen."""
    ours = isinstance(network, str) and read_name(network).kind == "senet"
    chosen = ours and not trained.state.metadata.identifies_model
    return attention if isinstance(attention, CustomSpec) and not chosen else None


def _open(
    trained: SavedWeights, network: NetworkSource, choice: NetworkOptions
) -> tuple[nn.Module, LoadReport, ModelConfig]:
    if isinstance(network, str):
        config = _config_of_named(read_name(network), trained, choice)
    elif choice != AS_THE_WEIGHTS:
        raise UsageError("geometry and attention need a network, and none is named", do="name it: --network NAME")
    elif network is not None and not trained.state.metadata.identifies_model:
        config = ModelConfig(ModelName("function", getattr(network, "__qualname__", repr(network))), factory=network)
    else:
        return rebuild_and_load(trained, network)
    return build_and_load(config, trained)


def _config_of_named(name: ModelName, trained: SavedWeights, choice: NetworkOptions) -> ModelConfig:
    if name.kind == "saved":
        do = f"name it: --network {config_from_weights(read_saved(name.name)).name.title}"
        raise UsageError(f"{name} is weights, not a network", do=do)
    if name.kind == "senet":
        return ModelConfig(name, choice)
    if choice != AS_THE_WEIGHTS:
        raise UsageError(f"{name} has neither geometry nor slots of its own", do=_insert_remedy(name, trained, choice))
    return config_for_library(name, trained)


def _insert_remedy(name: ModelName, trained: SavedWeights, choice: NetworkOptions) -> str:
    """Say what does what was asked for: a network of somebody else's has no slots, and gets attention inserted."""
    if choice.attention in (PUBLISHED, None):
        return "leave --geometry and --attention out"
    inserting = f'senet insert {name} "{choice.attention}" --weights {trained.state.where} --out with_attention'
    return f"leave --geometry and --attention out; {inserting} puts attention into it"
