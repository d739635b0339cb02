"""begin(): the network that a training run begins with, by name, from a library, or from a folder of `senet insert`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from senet import networks
from senet.attention import AttentionSpec, parse
from senet.errors import UsageError
from senet.insertion import insert
from senet.networks import PUBLISHED, initialise, named_stream
from senet.sources.fill import fill
from senet.sources.models import architecture, build
from senet.sources.placed import STANDARD, Placement, build_placed
from senet.sources.record import read_record
from senet.sources.saved import RECORD, rebuild
from senet.weights import load_weights

Head = Literal["same", "new"]
AS_IT_IS = "published"


@dataclass(frozen=True)
class Wanted:
    """A network.

    Args:
        network: A name of ours; ``torchvision:NAME``, ``timm:NAME``, ``MODULE.PATH:FUNCTION``, which is imported;
            or a folder that :func:`~senet.sources.save_inserted` wrote.
        attention: ``published``: what the network has of its own; ``none``; or a spec, which fills the slots of a
            network of ours and is inserted into any other.
        placement: Where a spec goes: standard places, or others, which networks of ours are inserted at too.
        weights: To start from, as :func:`senet.load_weights` takes them; None for random ones.
        head: ``new`` keeps a fresh classifier where the weights' has other classes; for networks of ours.
        seed: Of random weights.
    """

    network: str
    attention: str = AS_IT_IS
    placement: Placement = STANDARD
    weights: str | None = None
    head: Head = "same"
    seed: int = 0


@dataclass(frozen=True)
class Begun:
    """The network, and what it was built from.

    Args:
        model: On the CPU.
        source: As :func:`~senet.sources.build` takes it.
        classes: As ``build`` was given them.
    """

    model: nn.Module
    source: str
    classes: int | None


def begin(wanted: Wanted, classes: int, image: tuple[int, int, int]) -> Begun:
    """Build the network for a data set; torch's global generator is left as it was.

    Args:
        wanted: Which.
        classes: Of the data.
        image: Channels, height and width of its images.

    Raises:
        UsageError: An unknown name, or a combination that cannot be.
        WeightsError: The weights do not fit.
    """
    if wanted.placement != STANDARD and wanted.attention in (AS_IT_IS, "none"):
        what = "places in a network (where, stages) are chosen for a spec, but there is none"
        raise UsageError(what, do='name one: --attention "SE(reduction=16)"')
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(wanted.seed)
        if (Path(wanted.network) / RECORD).is_file():
            return _from_folder(wanted)
        if ":" in wanted.network:
            return _from_library(wanted, classes, image)
        return _ours(wanted, classes, image)


def _ours(wanted: Wanted, classes: int, image: tuple[int, int, int]) -> Begun:
    attention = PUBLISHED if wanted.attention == AS_IT_IS else parse(wanted.attention)
    placed = wanted.placement != STANDARD
    trunk = networks.create(
        wanted.network, num_classes=classes, in_channels=image[0], attention=None if placed else attention
    )
    # As the trials of a study begin: the same trunk for every attention.
    initialise(trunk, named_stream(wanted.seed))
    if wanted.weights:
        load_weights(trunk, wanted.weights, head=wanted.head)
    model: nn.Module = trunk
    if placed:
        model = build_placed(wanted.network, parse(wanted.attention), wanted.placement, classes, image)
        initialise(model, named_stream(wanted.seed))
        model.load_state_dict({**model.state_dict(), **trunk.state_dict()})
    return Begun(model, f"senet:{wanted.network}", classes)


def _from_library(wanted: Wanted, classes: int, image: tuple[int, int, int]) -> Begun:
    if wanted.head == "new":
        raise UsageError("head=new is for networks of ours", do="replace the classifier in a function of your own")
    own = wanted.network.partition(":")[0] not in ("torchvision", "timm", "senet")
    number = None if own else classes
    model = build(wanted.network, number)
    if wanted.weights:
        fill(model, wanted.weights, architecture=architecture(wanted.network))
    spec = _inserted(wanted)
    if spec is not None:
        where, stages = wanted.placement.where, wanted.placement.stages
        model = insert(model, spec, where=where, stages=stages, example=(1, *image))
    return Begun(model, wanted.network, number)


def _inserted(wanted: Wanted) -> AttentionSpec | None:
    if wanted.attention == AS_IT_IS:
        return None
    spec = parse(wanted.attention)
    if spec is None:
        raise UsageError(f"attention=none: what {wanted.network} has of its own cannot be taken out", do="leave it out")
    return spec


def _from_folder(wanted: Wanted) -> Begun:
    if wanted.attention != AS_IT_IS or wanted.weights:
        raise UsageError(
            "the folder has its attention and its weights", where=wanted.network, do="leave attention and weights out"
        )
    record = read_record(Path(wanted.network) / RECORD)
    return Begun(rebuild(wanted.network), record.source, record.classes)
