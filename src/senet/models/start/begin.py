"""begin(): the model that training begins with, whoever wrote it, with attention in it, and the input that suits it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from senet.attention import AttentionSpec, is_attention, parse
from senet.attention.custom import CustomSpec
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks, insert
from senet.insertion.blocks.inserted import init_names
from senet.insertion.insert import Init
from senet.insertion.places.survey import survey
from senet.metadata import Metadata
from senet.models.factory.build_model import config_from_weights
from senet.models.factory.config import ModelConfig, model_metadata
from senet.models.factory.head import ImageShape, require_runs_on
from senet.models.factory.name import ModelName, read_name
from senet.models.saved.folder import read_saved
from senet.models.start.custom_code import as_it_is_remedy, specs_in_model, untrusted_cause
from senet.models.start.request import AS_IT_IS, STANDARD, ModelRequest, Placement, resolve_stages
from senet.models.start.trunk import Trunk, build_trunk
from senet.networks import Network, initialise, named_stream
from senet.utils.text import counted
from senet.weights.load import LoadReport

if TYPE_CHECKING:  # it imports torchvision
    pass


@dataclass(frozen=True)
class StartingModel:
    """A model, and what it was built from.

    Args:
        model: On the CPU.
        plain: The same without the blocks that were inserted; the model itself where none were.
        config: What builds the plain one.
        metadata: What travels with its weights.
        fresh: Paths of modules beside inserted blocks that have no trained weights; None: the whole model has none.
        placement: With all stages named.
        init: Of inserted blocks; None where none were.
        loaded: What was loaded; None without weights.
        adapted: What was done to its first convolution for images of other channels, in words.
    """

    model: nn.Module
    plain: nn.Module
    config: ModelConfig
    metadata: Metadata
    fresh: tuple[str, ...] | None
    placement: Placement = STANDARD
    init: Init | None = None
    loaded: LoadReport | None = None
    adapted: str = ""

    @property
    def said(self) -> tuple[str, ...]:
        """What a user should know of it: what was loaded and from where, what is fresh, what was inserted and how."""
        lines = []
        if self.loaded is not None:
            lines.append(f"weights: {self.loaded}")
            lines += [self.adapted] if self.adapted else []
        elif self.fresh is not None:
            lines.append(f"weights: as {self.config.name.title} makes them, whatever the seed")
        if self.fresh and self.loaded is None:
            lines.append(f"fresh: {', '.join(self.fresh)}")
        if self.init is not None:
            added = [block for name, block in blocks(self.model).items() if name not in blocks(self.plain)]
            where = counted(len(added), "place")
            lines.append(f"attention: {added[0].spec} inserted in {where}, init {self.init}")
        return tuple(lines)


def begin(wanted: ModelRequest, classes: int | None, image: ImageShape) -> StartingModel:
    """Build the model for a data set; torch's global generator is left as it was.

    Args:
        wanted: Which.
        classes: Of the data; None is the weights' or the source's own number.
        image: Channels, height and width of its images.

    Raises:
        UsageError: An unknown name, or a combination that cannot be.
        WeightsError: The weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(wanted.seed)
        asked = None if wanted.attention == AS_IT_IS else parse(wanted.attention)  # weights may need its code
        base = _build_trunk(wanted, classes, image)
        spec = _spec_to_insert(base, wanted, asked, image)
        if spec is None:
            return _starting_model(base, base.model, wanted.placement, None)
        placement = resolve_stages(wanted.placement, base.model, image)
        init = wanted.start.init or base.usual_init
        model = _insert(base.model, spec, placement, init, image)
        if base.config.name.kind == "senet" and base.fresh is None and init == "paper":
            init_name, stream = init_names(model), named_stream(wanted.seed)
            initialise(model, lambda name: stream(init_name(name)))
        return _starting_model(base, model, placement, init)


def _insert(plain: nn.Module, spec: AttentionSpec, placement: Placement, init: Init, image: ImageShape) -> nn.Module:
    """Insert a spec; where the network does not take the images at all, that is said in words of images."""
    try:
        return insert(plain, spec, where=placement.where, stages=placement.stages, init=init, example=(1, *image))
    except UsageError:
        require_runs_on(plain, image)
        raise


def _starting_model(base: Trunk, model: nn.Module, placement: Placement, init: Init | None) -> StartingModel:
    metadata = model_metadata(model, base.config)
    return StartingModel(
        model, base.model, base.config, metadata, base.fresh, placement, init, base.loaded, base.adapted
    )


def _build_trunk(wanted: ModelRequest, classes: int | None, image: ImageShape) -> Trunk:
    """Build what attention is inserted into; where weights have code, and other attention is asked for, it is refused.

    Raises:
        UsageError: It is.
    """
    try:
        return build_trunk(wanted, classes, image)
    except WeightsError as error:
        if wanted.attention == AS_IT_IS or (cause := untrusted_cause(error)) is None:
            raise
        name = read_name(wanted.network)
        name = config_from_weights(read_saved(name.name)).name if name.kind == "saved" else name
        do = f"{_without_attention_remedy(name)}; to take this one as it is in senet train or cost, {cause.do}"
        raise _has_already(wanted, cause.what, do) from error


def _spec_to_insert(
    base: Trunk, wanted: ModelRequest, spec: AttentionSpec | None, image: ImageShape
) -> AttentionSpec | None:
    """Return what is to be inserted.

    Raises:
        UsageError: ``none``, but the network has attention that cannot be taken out; places or an initialisation, but
            nothing to insert.
    """
    if _names_own_code(base, wanted, spec):
        return None
    if spec is None and wanted.placement != STANDARD:
        what = "a placement (where, stages) needs attention to insert, and there is none"
        raise UsageError(what, do='name one: --attention "SE(reduction=16)"')
    if wanted.start.init is not None and (wanted.attention == AS_IT_IS or (base.in_slots and base.loaded)):
        what = f"--init {wanted.start.init} is for inserted blocks, and there are none"
        raise UsageError(what, do='leave --init out, or name a spec to insert: --attention "SE(reduction=16)"')
    if wanted.attention == AS_IT_IS or base.in_slots:
        return None
    _require_none(base, wanted, image)
    return spec


def _names_own_code(base: Trunk, wanted: ModelRequest, spec: object) -> bool:
    """Whether a block of the user's own is named because the weights have it: they are taken as they are."""
    loaded = base.loaded is not None and not base.in_slots
    only_named = wanted.placement == STANDARD and wanted.start.init is None
    return isinstance(spec, CustomSpec) and loaded and only_named and spec in specs_in_model(base.model)


def _require_none(base: Trunk, wanted: ModelRequest, image: ImageShape) -> None:
    made = base.config.name.kind == "function" and base.loaded is None  # the function itself puts it in
    own = made or not (isinstance(base.model, Network) or blocks(base.model))
    names = _attention_in(base.model, image)
    if names:
        where = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise _has_already(wanted, where, f"{_other_network_remedy(base, own)}; {as_it_is_remedy(base.model)}")


def _has_already(wanted: ModelRequest, where: str, do: str) -> UsageError:
    what = f"--attention {wanted.attention}: {wanted.start.weights or wanted.network} has attention already"
    return UsageError(what, where=where, do=do)


def _attention_in(model: nn.Module, image: ImageShape) -> list[str]:
    if isinstance(model, Network):
        return [name for name, module in model.named_modules() if is_attention(module)]
    return [*blocks(model)] or [*survey(model, (1, *image)).attention]


def _other_network_remedy(base: Trunk, own: bool) -> str:
    """Say what to name for the network without its attention: whoever built it in, or inserted it, began there."""
    if own:
        return "name a network without it"
    return _without_attention_remedy(base.config.name)


def _without_attention_remedy(name: ModelName) -> str:
    return f"--network {name.title} takes any attention, or none, and --weights FILE loads its weights without one"
