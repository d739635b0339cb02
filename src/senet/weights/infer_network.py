"""Which network computes what weights were trained for, where names and shapes do not tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from senet.attention import AttentionSpec, from_dict
from senet.attention.spec import hidden_fields
from senet.attention.trusted_code import UntrustedCodeError
from senet.errors import UsageError, WeightsError
from senet.networks import NETWORKS, PUBLISHED, Network, create, published
from senet.networks.create import Published
from senet.networks.head import classifier_prefix
from senet.networks.network import Geometry, NetworkSpec
from senet.weights.detect_source import detect_source
from senet.weights.files.read import LoadedStateDict
from senet.weights.hub.config import require_architecture
from senet.weights.prefixes import strip_prefixes
from senet.weights.sources.dialect import Dialect


def require_compatible(model: Network, dialect: Dialect, state: LoadedStateDict) -> None:
    """Refuse weights whose source computes another geometry or another gate than the model.

    Raises:
        UsageError: The model was not made by ``create()``.
        WeightsError: They differ; prints the call that fits.
    """
    if model.spec is None:
        raise UsageError(
            "the network has no spec",
            do="make it with senet.create(): weights of another geometry would load and give wrong logits",
        )
    require_architecture(state.hub_config, model.name, state.where)
    geometry = geometry_of(dialect, state) if model.spec.geometry else None
    attention = _attention_of(model.spec, dialect, state)
    if geometry not in (None, model.spec.geometry):
        what = f"the weights are of the {geometry} geometry, this network has the {model.spec.geometry} geometry"
    elif not _same_computation(attention, model.spec.attention):
        what = f"the weights were trained with {attention}, this network has {model.spec.attention}"
    else:
        return
    fitting = replace(cast(Any, model.spec), geometry=geometry or model.spec.geometry, attention=attention)
    raise WeightsError(
        f"{what}: they would load and give wrong logits", where=state.where, do=create_call(model.name, fitting)
    )


def geometry_of(dialect: Dialect, state: LoadedStateDict) -> Geometry | None:
    """Whose strides and pools the weights need; None where there is no choice or nobody says."""
    said = state.metadata.geometry or dialect.geometry
    if said not in (None, "caffe", "torch"):
        raise WeightsError(f"the metadata names a geometry {said!r}", where=state.where)
    return cast("Geometry | None", said)


def _attention_of(spec: NetworkSpec, dialect: Dialect, state: LoadedStateDict) -> AttentionSpec | None:
    """What the weights were trained with; the network's own where nobody says."""
    if state.metadata.attention != "published":
        return _attention_from_metadata(state)
    if dialect.attention is None or type(dialect.attention) is not type(spec.attention):
        return spec.attention  # of another kind: the names will say so
    return cast(AttentionSpec, replace(cast(Any, spec.attention), **hidden_fields(dialect.attention)))


def _preset(name: str, state: LoadedStateDict, dialect: Dialect) -> AttentionSpec | Published | None:
    """What the weights' own network has in its slots, where file or source says; else the published row's."""
    if state.metadata.attention != "published":
        return _attention_from_metadata(state)
    return dialect.attention if type(dialect.attention) is type(published(name).attention) else PUBLISHED


def _attention_from_metadata(state: LoadedStateDict) -> AttentionSpec | None:
    try:
        return from_dict(cast(Any, state.metadata.attention))
    except UntrustedCodeError as error:
        raise WeightsError(error.what, where=state.where, do=error.do) from error
    except (TypeError, ValueError) as error:
        raise WeightsError(f"the metadata names no valid attention: {error}", where=state.where) from error


def _same_computation(one: AttentionSpec | None, other: AttentionSpec | None) -> bool:
    if type(one) is not type(other):
        return True  # the names differ, and the error about them says more
    return one is None or other is None or hidden_fields(one) == hidden_fields(other)


def create_call(name: str, spec: NetworkSpec) -> str:
    """Print what builds a spec: ``create("se_resnet50", geometry="torch")``, and the flags that say the same."""
    published = NETWORKS[name]
    arguments, flags = [f'"{name}"'], [f"--network {name}"]
    if spec.attention != published.attention:
        arguments.append(f"attention={spec.attention}")
        flags.append(f'--attention "{spec.attention or "none"}"')
    if spec.geometry != published.geometry:
        arguments.append(f'geometry="{spec.geometry}"')
        flags.append(f"--geometry {spec.geometry}")
    return f"create({', '.join(arguments)}), on the command line {' '.join(flags)}"


@dataclass(frozen=True)
class NetworkOptions:
    """What of a network is not to follow from the weights; arguments as of :func:`senet.networks.create`."""

    attention: AttentionSpec | Published | None = PUBLISHED
    geometry: Geometry | None = None
    num_classes: int | None = None
    in_channels: int | None = None


AS_THE_WEIGHTS = NetworkOptions()


def network_for(name: str, state: LoadedStateDict, choice: NetworkOptions = AS_THE_WEIGHTS) -> Network:
    """Build the network that weights fit: in their geometry, with as many classes and input channels.

    Args:
        name: Of a published row.
        state: The weights.
        choice: What is to be otherwise; ``PUBLISHED`` attention is what our own file says, or the source's way to
            size it.

    Raises:
        UsageError: No such network, or a choice that it lacks.
        WeightsError: The weights are of another architecture, or their names are nobody's.
    """
    state = strip_prefixes(state)
    _, dialect = detect_source(state)
    require_architecture(state.hub_config, name, state.where)
    geometry = choice.geometry or (geometry_of(dialect, state) if published(name).geometry else None)
    attention = _preset(name, state, dialect) if choice.attention is PUBLISHED else choice.attention
    said = state.metadata
    classes = said.num_classes if choice.num_classes is None else choice.num_classes
    channels = said.in_channels if choice.in_channels is None else choice.in_channels
    if classes is None or channels is None:
        found = _sizes(name, state, dialect, attention)
        classes = found[0] if classes is None else classes
        channels = found[1] if channels is None else channels
    return create(name, geometry=geometry, attention=attention, num_classes=classes, in_channels=channels)


def _sizes(
    name: str, state: LoadedStateDict, dialect: Dialect, attention: AttentionSpec | Published | None
) -> tuple[int | None, int]:
    """Return classes and input channels as the tensors have them, of files that do not say."""
    with torch.device("meta"):
        model = create(name, attention=attention)
    tensors = dialect.translate(state, name).tensors
    first = next(key for key, value in model.state_dict().items() if value.ndim == 4)
    channels = tensors[first].shape[1] if first in tensors and tensors[first].ndim == 4 else 3
    return classes_in(model, tensors), channels


def classes_in(model: Network, tensors: Mapping[str, Tensor]) -> int | None:
    """Return the outputs of the classifier among tensors under our names; None where there is none."""
    weight = tensors.get(f"{classifier_prefix(model)}weight")
    return None if weight is None else weight.shape[0]


def has_attention(name: str, state: LoadedStateDict) -> bool:
    """Whether weights of a network of ours have attention in its own slots."""
    with torch.device("meta"):
        plain = create(name, attention=None).state_dict()
    state = strip_prefixes(state)
    return any(key not in plain for key in detect_source(state)[1].translate(state, name).tensors)
