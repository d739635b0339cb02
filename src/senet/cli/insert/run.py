"""What senet insert does: find places, insert, count before and after, compare the outputs."""

from collections import Counter
from dataclasses import replace

import torch
from torch import Tensor, nn

from senet.accounting import Uncounted, Work, cost
from senet.accounting.operators import iter_tensors
from senet.attention import SE, parse, spec_names
from senet.cli.common.arguments import parse_integers
from senet.cli.insert.records import InsertReport, InsertRequest, OutputDifference, PlaceListing
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks, insert
from senet.insertion.example_input import example_arguments, preserve_state
from senet.insertion.places.choose import choose_places, embedding_note, patch_embeddings
from senet.insertion.places.survey import survey
from senet.metadata import NO_METADATA, Metadata
from senet.models import ModelRequest, Placement, StartConfig
from senet.models.factory.config import ModelConfig
from senet.models.factory.name import read_name
from senet.models.input_and_labels import image_of, require_classes_reach, require_num_classes
from senet.models.start.custom_code import untrusted_cause
from senet.models.start.trunk import Trunk, build_trunk

# Before, after, the blocks' share; why only parameters; what the totals lack.
Counted = tuple[Work, Work, Work, str, tuple[Uncounted, ...]]


def example_shape(network: str, example: str | None, side: int | None, channels: int | None) -> tuple[int, ...]:
    """Return the shape of a batch that a network is run on.

    Args:
        network: Its name.
        example: Numbers as text, if they are given.
        side: Height and width in their place.
        channels: Of an image.

    Raises:
        UsageError: They are none, or both are given.
    """
    if example is not None and side is not None:
        raise UsageError("--example and --image-size together", do="leave --example out")
    return (
        (1, *image_of(network, channels, side))
        if example is None
        else parse_integers(example, "--example", "1,3,224,224")
    )


def make_request(
    network: str, placement: Placement, start: StartConfig, shape: tuple[int, ...], classes: int | None, seed: int
) -> InsertRequest:
    """Put together what is asked.

    Raises:
        UsageError: A classifier is wanted that cannot be looked for.
    """
    require_num_classes(classes, start.head)
    looked_for = start.head == "new" or (classes is not None and read_name(network).kind in ("function", "saved"))
    if looked_for and len(shape) != 4:
        flag = "--head new" if start.head == "new" else "--classes"
        raise UsageError(f"{flag} needs images to find the classifier with", do="pass --example 1,3,224,224")
    return InsertRequest(network, placement, start, shape, classes, seed)


def list_places(request: InsertRequest) -> PlaceListing:
    """Find where blocks would go."""
    with torch.random.fork_rng(devices=[]):
        found = survey(_trunk(request).model, request.example)
    kinds = {place.kind for place in found.places}
    counts = Counter(str(p.strategy) for p in found.places if p.kind != "conv" or kinds == {"conv"})
    chosen = choose_places(found, SE(), request.placement.where, request.placement.stages)
    patches = tuple(patch_embeddings(found, chosen)), embedding_note(found, chosen)
    return PlaceListing(request, tuple(chosen), dict(counts), len(found.tokens), *patches)


def insert_attention(
    request: InsertRequest, text: str, again: bool
) -> tuple[nn.Module, ModelConfig, Metadata, InsertReport]:
    """Build, fill and insert; return the new model, what builds the old one, what travels along and what is said."""
    spec = parse(text)
    if spec is None:
        raise UsageError(f"{text} is not an attention to insert", do=f"name one of {spec_names()}")
    with torch.random.fork_rng(devices=[]):
        base = _trunk(request)
        old, init = base.model, request.start.init or base.usual_init
        where, stages = request.placement.where, request.placement.stages
        new = insert(old, spec, where=where, stages=stages, init=init, example=request.example, again=again)
    places = tuple(block.place for name, block in blocks(new).items() if name not in blocks(old))
    counted, outputs = _count(old, new, request.example[1:]), _compare(old, new, request.example)
    weights, trained = _weights(base, request), base.fresh is not None
    patches = tuple(patch_embeddings(survey(old, request.example), list(places)))
    report = InsertReport(request, spec, init, weights, trained, places, *counted, outputs, patches)
    return new, base.config, _about(base), report


def _trunk(request: InsertRequest) -> Trunk:
    """Build the model and load its weights; what is drawn goes by the seed, and so does what is drawn next."""
    torch.default_generator.manual_seed(request.seed)
    channels, height, width = request.example[1:] if len(request.example) == 4 else (3, 0, 0)
    wanted = ModelRequest(request.network, start=request.start, seed=request.seed)
    try:
        base = build_trunk(wanted, request.classes, (channels, height, width))
    except WeightsError as error:
        if (cause := untrusted_cause(error)) is None:
            raise
        do = "senet insert takes it only to insert the same block again, with --again"
        raise WeightsError(cause.what, where=error.where, do=f"{do}; else start from the network without it") from error
    require_classes_reach(request.network, base.model, (channels, height, width), request.classes, request.start.head)
    return base


def _about(base: Trunk) -> Metadata:
    """Return what weights say of how they are used: their input, and where they are from; of their classes if kept."""
    if base.loaded is None:
        return NO_METADATA
    said = base.loaded.metadata
    about = Metadata(input_transform=said.input_transform, licence=said.licence, origin=said.origin)
    return about if base.fresh else replace(about, classes=said.classes, class_order=said.class_order)


def _weights(base: Trunk, request: InsertRequest) -> str:
    if base.loaded is not None:
        return str(base.loaded)
    if base.fresh is not None:
        return f"as {request.network} makes them"
    return f"random, seed {request.seed}; pass --weights FILE for trained ones"


def _count(old: nn.Module, new: nn.Module, size: tuple[int, ...]) -> Counted:
    try:
        before, after = cost(old, size), cost(new, size)
    except UsageError as error:  # it runs, but not without data
        parameters = [Work(sum(p.numel() for p in model.parameters())) for model in (old, new)]
        return parameters[0], parameters[1], parameters[1] - parameters[0], error.where, ()
    share = sum((after.under(name, attention=True) for name in blocks(new)), Work())
    return before.total, after.total, share, "", after.uncounted


def _compare(old: nn.Module, new: nn.Module, example: tuple[int, ...]) -> OutputDifference:
    before, after = _run(old, example), _run(new, example)
    equal = len(before) == len(after) and all(
        torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in zip(before, after, strict=True)
    )
    difference = max((float((a - b).abs().max()) for a, b in zip(before, after, strict=False)), default=0.0)
    return OutputDifference(equal, difference, max((float(a.abs().max()) for a in before), default=0.0))


def _run(model: nn.Module, example: tuple[int, ...]) -> list[Tensor]:
    args, kwargs = example_arguments(model, example)
    with preserve_state(model):
        return [t for t in iter_tensors(model(*args, **kwargs)) if t.is_floating_point() and t.numel()]
