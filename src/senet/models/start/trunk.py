"""The model that attention is inserted into: its name and weights read, built, filled, its classifier renewed."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from senet.attention import AttentionSpec, parse
from senet.errors import UsageError
from senet.insertion.insert import Init
from senet.models.factory.build_model import (
    build_model,
    config_for_library,
    config_from_weights,
    fill_model,
    num_classes_of_weights,
)
from senet.models.factory.channels import adapt_input_channels
from senet.models.factory.config import ModelConfig
from senet.models.factory.head import ImageShape, find_classifier, num_outputs, replace_classifier
from senet.models.factory.name import ModelName, read_name
from senet.models.saved.folder import read_saved
from senet.models.saved.record import SavedWeights
from senet.models.start.custom_code import records_spec
from senet.models.start.request import AS_IT_IS, STANDARD, ModelRequest
from senet.networks import PUBLISHED, Network, initialise, named_stream
from senet.networks.create import Published
from senet.weights.files.read import LoadedStateDict
from senet.weights.infer_network import NetworkOptions, has_attention
from senet.weights.load import LoadReport


@dataclass(frozen=True)
class Trunk:
    """A model before attention is inserted; fields as of :class:`~senet.models.start.begin.StartingModel`."""

    model: nn.Module
    config: ModelConfig
    fresh: tuple[str, ...] | None
    loaded: LoadReport | None
    in_slots: bool  # whether the network's own slots hold the spec that is asked for
    adapted: str = ""  # what was done to its first convolution, in words

    @property
    def usual_init(self) -> Init:
        """How blocks start where nobody says: a trained model keeps what it knows."""
        return "paper" if self.fresh is None else "preserve"


def build_trunk(wanted: ModelRequest, classes: int | None, image: ImageShape) -> Trunk:
    """Build a model as it is before anything is inserted, with its weights; draws from torch's global generator.

    Args:
        wanted: Which.
        classes: Of the data; None is the weights' or the source's own number.
        image: Channels, height and width of its images.

    Raises:
        UsageError: An unknown name, or a combination that cannot be.
        WeightsError: The weights do not fit.
    """
    config, weights = _read_request(wanted, classes, image[0])
    model = build_model(config, weights)
    trained = weights is not None or (config.name.kind == "function" and brings_weights(config, model, wanted.seed + 1))
    if config.name.kind == "senet":  # the same trunk for every attention
        initialise(model, named_stream(wanted.seed))
    head: tuple[str, ...] = ()
    if wanted.start.head == "new" and classes is not None:
        head = (find_classifier(model, image),)
        if config.name.kind == "function" or num_outputs(model, head[0]) != classes:
            config = _renewed(config, model, head[0], classes)
    elif config.name.kind == "function" and config.head is None and weights is not None:
        config = _as_the_weights(config, model, weights.state, classes, image)
    loaded, said = None, ""
    if weights is not None:
        state = weights.state
        if isinstance(model, Network) and config.name.kind == "senet":
            state, said = adapt_input_channels(state, model)
        loaded = fill_model(model, config.name, state, head)
    in_slots = config.choice.attention not in (None, PUBLISHED)
    return Trunk(model, config, head if trained else None, loaded, in_slots, said)


def _renewed(config: ModelConfig, model: nn.Module, head: str, classes: int) -> ModelConfig:
    """Put a classifier for other classes into a model whose maker no number reaches; return what builds it then."""
    replace_classifier(model, head, classes)
    return replace(config, head=head, choice=replace(config.choice, num_classes=classes))


def _as_the_weights(
    config: ModelConfig, model: nn.Module, state: LoadedStateDict, classes: int | None, image: ImageShape
) -> ModelConfig:
    """Let the model of a function have as many classes as its weights, where nobody asks for other ones."""
    rows = num_classes_of_weights(model, state)
    if rows is None or classes not in (None, rows) or 0 in image:  # no images, no classifier
        return config
    head = find_classifier(model, image)
    return config if num_outputs(model, head) == rows else _renewed(config, model, head, rows)


def _read_request(wanted: ModelRequest, classes: int | None, channels: int) -> tuple[ModelConfig, SavedWeights | None]:
    """Read the name and the weights."""
    name, start = read_name(wanted.network), wanted.start
    if name.kind == "saved":
        return _saved(name, wanted, classes)
    weights = None if start.weights is None else read_saved(start.weights, start.raw)
    if name.kind != "senet":
        if start.geometry is not None:
            raise UsageError(f"{name} has no choice of geometry", do="leave --geometry out")
        return config_for_library(name, weights, classes), weights
    attention = _attention_for_slots(name, wanted, weights)
    return ModelConfig(name, NetworkOptions(attention, start.geometry, classes, channels)), weights


def _saved(name: ModelName, wanted: ModelRequest, classes: int | None) -> tuple[ModelConfig, SavedWeights]:
    start = wanted.start
    if start.weights is not None:
        raise UsageError("it has its weights", where=name.name, do="leave --weights out")
    weights = read_saved(name.name, start.raw)
    config = config_from_weights(weights)
    if config.name.kind == "function":
        do = f"name the function, which is then imported: --network {config.name} --weights {name.name}"
        raise UsageError(f"its model is made by {config.name}; nothing is imported from a file", where=name.name, do=do)
    if start.geometry is not None:
        config = replace(config, choice=replace(config.choice, geometry=start.geometry))
    if start.head == "new":
        config = replace(config, choice=replace(config.choice, num_classes=classes))
    return config, weights


def _attention_for_slots(
    name: ModelName, wanted: ModelRequest, weights: SavedWeights | None
) -> AttentionSpec | Published | None:
    """Return what a network of ours has in its own slots; the rest is inserted."""
    if wanted.attention == AS_IT_IS:
        return PUBLISHED
    spec = parse(wanted.attention)
    standard = wanted.placement == STANDARD
    if weights is not None and records_spec(weights, spec):
        return PUBLISHED  # as they are: it may be in the slots or inserted
    if weights is not None:
        return spec if standard and has_attention(name.name, weights.state) else None
    return spec if standard and wanted.start.init != "preserve" else None


def brings_weights(config: ModelConfig, model: nn.Module, other_seed: int) -> bool:
    """Whether a user's function makes the same weights as before under another seed: then it loads them."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(other_seed)
        again = build_model(config).state_dict()
    before = model.state_dict()
    return before.keys() == again.keys() and all(torch.equal(value, again[name]) for name, value in before.items())
