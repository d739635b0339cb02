"""build_model(): the one builder of models, and the one way to fill them; what differs between libraries is a row."""

from collections.abc import Callable

import torch
from torch import nn

from senet import networks
from senet.errors import UsageError, WeightsError
from senet.models.factory.builders import AUXILIARY, call_factory, from_function, from_timm, from_torchvision
from senet.models.factory.config import ModelConfig
from senet.models.factory.head import replace_classifier
from senet.models.factory.name import Kind, ModelName
from senet.models.saved.blocks import attach_recorded
from senet.models.saved.record import SavedWeights
from senet.networks import Network
from senet.weights.files.read import LoadedStateDict
from senet.weights.hub.config import require_same_architecture
from senet.weights.infer_network import NetworkOptions, network_for
from senet.weights.load import LoadReport, load_into_model
from senet.weights.match import own_names
from senet.weights.prefixes import strip_prefixes_for


def config_from_weights(weights: SavedWeights) -> ModelConfig:
    """Return what builds the model of weights, as they say it themselves.

    Raises:
        WeightsError: They do not.
    """
    state, record = weights.state, weights.record
    if state.metadata.network is not None:
        return ModelConfig(ModelName("senet", state.metadata.network))
    if record is None:
        raise WeightsError(
            "the file does not name the model of its weights",
            where=state.where,
            do="name it (--network NAME; senet weights inspect shows what it holds), or convert the file once",
        )
    rows = {value.shape[0] for value in state.tensors.values() if value.ndim}
    if record.classes is not None and record.classes not in rows:  # before memory is taken for them
        raise WeightsError(f"the record has {record.classes} classes, and no tensor so many rows", where=state.where)
    choice = NetworkOptions(geometry=record.name.geometry, num_classes=record.classes)
    return ModelConfig(record.name, choice, record.head)


def build_model(config: ModelConfig, trained: SavedWeights | None = None) -> nn.Module:
    """Build a model, with random weights of torch's global generator and with the blocks that its weights record.

    Args:
        config: Which.
        trained: The weights that are to go into it, which decide what the config leaves open.

    Raises:
        UsageError: No such model, or a library or function that fails.
        WeightsError: The weights say what cannot be.
    """
    state = None if trained is None else trained.state
    made = config.factory
    model = call_factory(str(config.name), made) if made else LIBRARIES[config.name.kind](config, state)
    if config.head is not None and config.choice.num_classes is not None:
        replace_classifier(model, config.head, config.choice.num_classes)
    if trained is not None and trained.record is not None:
        attach_recorded(model, trained.record, trained.state)
    return model


def build_network(config: ModelConfig, state: LoadedStateDict | None) -> Network:
    """Build a network of ours, in what its weights need where the config leaves it open."""
    name, choice = config.name.name, config.choice
    if state is not None:
        return network_for(name, state, choice)
    return networks.create(
        name,
        num_classes=choice.num_classes,
        in_channels=3 if choice.in_channels is None else choice.in_channels,
        attention=choice.attention,
        geometry=choice.geometry,
    )


def _function(config: ModelConfig, state: LoadedStateDict | None) -> nn.Module:
    classes = config.choice.num_classes
    if config.head is None and classes is not None:
        raise UsageError(f"{config.name} is called without arguments, so classes={classes} cannot reach it")
    return from_function(config.name.name)


LIBRARIES: dict[Kind, Callable[[ModelConfig, LoadedStateDict | None], nn.Module]] = {
    "senet": build_network,
    "torchvision": lambda config, state: from_torchvision(config.name.name, config.choice.num_classes),
    "timm": lambda config, state: from_timm(config.name.name, config.choice.num_classes),
    "function": _function,
}


def config_for_library(name: ModelName, weights: SavedWeights | None, classes: int | None = None) -> ModelConfig:
    """Return what builds a model of a library or of a user's function.

    Args:
        name: Of the model.
        weights: That are to go into it.
        classes: Of a library's model; None is as many as the weights have, else the library's own number.
    """
    record = None if weights is None else weights.record
    head = None if record is None else record.head
    if name.kind == "function" and head is None:
        return ModelConfig(name)  # no number reaches a function
    if record is not None and (classes is None or name.kind == "function"):
        classes = record.classes
    elif weights is not None and classes is None:
        with torch.random.fork_rng(devices=[]):
            classes = num_classes_of_weights(build_model(ModelConfig(name)), weights.state)
    return ModelConfig(name, NetworkOptions(num_classes=classes), head)


def num_classes_of_weights(model: nn.Module, state: LoadedStateDict) -> int | None:
    """Return how many classes weights have, if it is another number than the model's."""
    own, tensors = own_names(model), strip_prefixes_for(model, state).tensors
    pairs = [(value.shape, tensors[read].shape) for read, (_, value) in own.items() if read in tensors]
    rows = {theirs[0] for ours, theirs in pairs if theirs and ours != theirs and ours[1:] == theirs[1:]}
    return rows.pop() if len(rows) == 1 else None


def fill_model(model: nn.Module, name: ModelName, state: LoadedStateDict, keep: tuple[str, ...] = ()) -> LoadReport:
    """Load weights into the model of a name, but for the modules that it is to keep.

    Raises:
        WeightsError: They do not fit, or are of another model.
    """
    if name.kind != "senet":
        require_same_architecture(state.hub_config, name.architecture, state.where)
        keep = (*keep, *AUXILIARY.get(name.architecture, ()))  # no model here has those
    return load_into_model(model, state, keep)
