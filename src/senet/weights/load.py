"""load_weights(): weights into a model that is there, ours or anybody's."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from senet.errors import UsageError, did_you_mean
from senet.metadata import NO_METADATA, Metadata
from senet.networks import Network
from senet.networks.head import classifier_prefix
from senet.utils.one_or_many import as_tuple
from senet.weights.detect_source import detect_source
from senet.weights.files.contents import NO_CONTENTS, CheckpointContents
from senet.weights.files.read import STATE_DICT, LoadedStateDict, WeightsSource, read_weights
from senet.weights.hub.preprocessing import CompanionMetadata, companion_metadata, merge_companion_metadata
from senet.weights.infer_network import classes_in, require_compatible
from senet.weights.match import COUNTER, MatchResult, match
from senet.weights.mismatch import gate_modules
from senet.weights.prefixes import strip_prefixes_for
from senet.weights.sources.dialect import Dialect

logger = logging.getLogger("senet")
KeepOrNew = Literal["keep", "new"]


@dataclass(frozen=True)
class LoadReport:
    """What loading did.

    Args:
        placed: The model's names of the tensors that were set.
        converted: Those of them that were 1x1-convolution weights and became linear, or the reverse.
        skipped: The source's names of what was left out for a new head.
        fresh: The model's names of what kept its initial values.
        source: Whose weights they are; empty for a model that is not ours.
        metadata: What travels with them: the input transform, the order of the classes, or all that our own file says.
        where: The file.
        contents: What else the file holds: other state dicts, what was passed over, tensors that are no weights.
        beside: What the files beside it say and whether it is used, in sentences.
    """

    placed: tuple[str, ...]
    converted: tuple[str, ...]
    skipped: tuple[str, ...]
    fresh: tuple[str, ...]
    source: WeightsSource | Literal[""]
    metadata: Metadata = NO_METADATA
    where: str = ""
    contents: CheckpointContents = NO_CONTENTS
    beside: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the file: which of its weights these are, and what was not used."""
        return *self.contents.notes, *self.beside

    def __str__(self) -> str:
        origin = "" if self.where in ("", STATE_DICT) else f" from {self.where}"
        parts = [f"{len(self.placed)} tensors{f' of {self.source}' if self.source else ''} loaded{origin}"]
        if self.converted:
            parts.append(f"{len(self.converted)} between 1x1 convolution and linear")
        if self.skipped:
            parts.append(f"left out: {', '.join(self.skipped)}")
        if self.fresh:
            parts.append(
                f"{len(self.fresh)} tensors fresh: {', '.join(self.fresh[:3])}{', ...' * (len(self.fresh) > 3)}"
            )
        return "; ".join([*parts, *self.notes])


def load_weights(
    model: nn.Module,
    weights: str | PathLike[str] | Mapping[str, Any],
    *,
    source: WeightsSource | None = None,
    head: KeepOrNew = "keep",
    gates: KeepOrNew = "keep",
    fresh: str | Sequence[str] = (),
    raw: bool = False,
) -> LoadReport:
    """Set all weights of a model, or none and say why.

    Values take the dtype and device of the model. Counters of batches (``num_batches_tracked``) may be missing.

    Args:
        model: Made by :func:`senet.create`, whose weights may have the names of any source that we know; or any other,
            whose weights have its own names. On the meta device it receives copies of the tensors themselves.
        weights: A file (``.safetensors``, ``.pth``, ``.pt``, ``.bin``, ``.caffemodel``), a folder of the hub's,
            ``hub:ORG/NAME@REVISION`` or a state dict. Files of torch.save's are read without running code.
        source: Whose names they have, for a network of ours; None recognises it.
        head: ``new`` keeps the initial classifier of a network of ours, for another number of classes.
        gates: ``new`` keeps the initial attention blocks, for weights of the network without them.
        fresh: Paths of other modules that keep their initial weights, such as the classifier of a model of yours.
        raw: Take the raw weights of a file that has an average of them, too, which loads otherwise.

    Returns:
        What was placed, converted, skipped and kept, and what the file holds beside.

    Raises:
        UsageError: No such source, head or module; a network that ``create()`` did not make.
        WeightsError: A file that cannot be read or trusted, names that are nobody's, tensors that are missing, left
            over, of another shape or not finite, weights of another geometry or gate than the network's. The
            model keeps what it had.
    """
    for name, value in (("head", head), ("gates", gates)):
        if value not in get_args(KeepOrNew):
            raise UsageError(f"no {name} is called {value!r}", do=did_you_mean(value, get_args(KeepOrNew)))
    keep = (
        *_head(model, head),
        *_modules(model, as_tuple("fresh", fresh, str)),
        *(gate_modules(model) if gates == "new" else ()),
    )
    return load_into_model(model, replace(read_weights(weights, raw), source=source), keep)


def _head(model: nn.Module, head: KeepOrNew) -> tuple[str, ...]:
    if head == "keep":
        return ()
    if not isinstance(model, Network):
        raise UsageError("head='new' is for networks of ours", do="name your classifier: fresh=['fc']")
    return (classifier_prefix(model).removesuffix("."),)


def _modules(model: nn.Module, names: Sequence[str]) -> tuple[str, ...]:
    known = [name for name, _ in model.named_modules()]
    for name in names:
        if name not in known:
            raise UsageError(f"{type(model).__name__} has no module {name!r}", do=did_you_mean(name, known))
    return tuple(names)


def load_into_model(
    model: nn.Module, state: LoadedStateDict, keep: tuple[str, ...] = (), *, adapt: bool = False
) -> LoadReport:
    """Translate and place weights that have been read; errors as of :func:`load_weights`.

    Args:
        model: As of :func:`load_weights`.
        state: The weights.
        keep: Paths of the modules that stay as they are.
        adapt: Let the classifier of a network of ours stay fresh where the weights have other classes, and log it.
    """
    state = strip_prefixes_for(model, state)
    if not isinstance(model, Network):
        if state.source is not None:
            raise UsageError(f"source={state.source!r} is for networks of ours", do="leave it out")
        return _set(model, match(model, state.tensors, state.where, keep), state)
    source, dialect = detect_source(state)
    require_compatible(model, dialect, state)
    translated = dialect.translate(state, model.name)
    classes = classes_in(model, translated.tensors)
    # A network without a classifier leaves the source's out.
    if classes not in (None, model.num_classes) and (adapt or model.num_classes == 0):
        keep = (*keep, classifier_prefix(model).removesuffix("."))
        if model.num_classes:
            logger.warning("%s: the classifier is fresh: the weights have %s classes", model.name, classes)
    return _set(model, match(model, translated.tensors, state.where, keep, translated.origin), state, source, dialect)


def _known(state: LoadedStateDict, dialect: Dialect | None, tensors: Mapping[str, Tensor]) -> CompanionMetadata:
    """Return what is known of weights: what our own file says, else what lies beside them, else the source."""
    found = merge_companion_metadata(state.metadata, companion_metadata(state.hub_config))
    said, names = found.metadata, found.metadata.classes
    if names and state.metadata.classes is None and len(names) not in {v.shape[0] for v in tensors.values() if v.ndim}:
        what = f"{len(names)} class names lie beside the weights, which have another number of outputs: not used"
        found = CompanionMetadata(replace(said, classes=None), (*found.notes, what))
    if dialect is not None and state.metadata == NO_METADATA:
        return CompanionMetadata(found.metadata.with_defaults(dialect.metadata), found.notes)
    return found


def _needless(state: LoadedStateDict) -> tuple[str, ...]:
    alone = state.raw and not state.contents.averaged
    return ("there is no average in it, so --raw (raw=True) changes nothing",) if alone else ()


def _set(
    model: nn.Module,
    matched: MatchResult,
    state: LoadedStateDict,
    source: WeightsSource | Literal[""] = "",
    dialect: Dialect | None = None,
) -> LoadReport:
    own, tensors = model.state_dict(), matched.tensors
    meta = any(isinstance(value, Tensor) and value.is_meta for value in own.values())
    if meta:
        blank = {name: torch.zeros((), dtype=torch.long) for name in own if name.endswith(COUNTER)}
        tensors = blank | {name: value.to(own[name].dtype, copy=True) for name, value in tensors.items()}
    model.load_state_dict(tensors, strict=False, assign=meta)
    placed = tuple(name for name in matched.tensors if not name.endswith(COUNTER))
    known = _known(state, dialect, tensors)
    metadata = replace(known.metadata, origin=state.origin) if state.origin else known.metadata
    said = (*state.beside, *known.notes, *_needless(state))
    placing = placed, matched.converted, matched.skipped, matched.fresh
    return LoadReport(*placing, source, metadata, state.where, state.contents, said)
