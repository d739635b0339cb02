"""The variants of a plan: made of specs, each model built once to see that it trains."""

import hashlib
from dataclasses import replace

import torch

from senet.attention import parse
from senet.data import Feed
from senet.errors import UsageError
from senet.models import StartingModel
from senet.models.start.adapt_feed import adapt_feed
from senet.study.plan import Plan
from senet.study.variant import Variant, check_variant
from senet.training import Recipe
from senet.training.feeds import input_notices
from senet.training.setup.batch_checks import require_trainable, smallest_micro_batch
from senet.training.setup.freeze import FineTuneConfig
from senet.utils.modules import within


def variants_from_specs(specs: list[str] | tuple[str, ...]) -> dict[str, Variant]:
    """Return variants that are named by their attention, ``none`` or a spec as text.

    Raises:
        UsageError: A spec that cannot be read, or the same text twice.
    """
    twice = [spec for i, spec in enumerate(specs) if spec in specs[:i]]
    if twice:
        raise UsageError(f"the variant {twice[0]} is named twice")
    return {spec: Variant(parse(spec)) for spec in specs}


def build_variants(plan: Plan, feed: Feed) -> Plan:
    """Build every variant without training, and note what weights the network begins with.

    A plan that cannot run says so before the first trial.

    Raises:
        SenetError: A variant does not fit the network; names the variant.
    """
    digest, said = "", dict[str, None]()
    for name, variant in plan.variants.items():
        begun = check_variant(name, plan.network, plan.start, variant, feed)
        said |= dict.fromkeys(_tuning_notes(name, variant.change(plan.recipe), begun))
        _require_trains(name, plan, begun, feed)
        _, scaled = adapt_feed(begun, feed)
        said |= dict.fromkeys((*begun.said, *input_notices(feed, scaled)))
        digest = weights_digest(begun) if name == plan.baseline else digest
    return replace(plan, digest=digest, notes=tuple(said))


def _tuning_notes(name: str, recipe: Recipe, begun: StartingModel) -> list[str]:
    """Return what of a recipe's fine-tuning a variant has no use for.

    Raises:
        UsageError: The recipe lets a trunk wait that has no trained weights; names the variant.
    """
    try:
        return [f"{name}: {line}" for line in FineTuneConfig(recipe, begun.fresh).notices(begun.model)]
    except UsageError as error:
        raise UsageError(error.what, where=f"variant {name}", do=error.do) from error


def _require_trains(name: str, plan: Plan, begun: StartingModel, feed: Feed) -> None:
    """Refuse a variant whose norms cannot train on the smallest batch, or on maps of such images; names it."""
    variant = plan.variants[name]
    recipe = variant.change(plan.recipe)
    least = smallest_micro_batch(len(feed.train), recipe.batch_size)
    tuning, image = FineTuneConfig(recipe, begun.fresh), variant.image(plan.recipe, feed)
    try:
        require_trainable(begun.model, tuning, image, least, resizable=":" in plan.data.source)
    except UsageError as error:
        where = ", ".join(filter(None, (f"variant {name} of {plan.network}", error.where)))
        raise UsageError(error.what, where=where, do=error.do) from error


def weights_digest(begun: StartingModel) -> str:
    """Return the SHA-256 of a network's weights before insertion; empty for random ones of ours: the name says all.

    A fresh classifier, which is the seed's, is no part of trained weights.
    """
    ours = begun.config.name.kind == "senet"
    if ours and begun.fresh is None:
        return ""
    digest = hashlib.sha256(b"" if ours else repr(begun.plain).encode())
    for name, value in begun.plain.state_dict().items():
        if not within(name, begun.fresh or ()):
            digest.update(f"{name}{tuple(value.shape)}".encode())
            digest.update(value.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
