"""A study on paper: variants x seeds, each trial the hash of what defines it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from senet.attention import parse, to_dict
from senet.data import DataConfig, Feed
from senet.data.loader.fetch import OnError
from senet.errors import UsageError
from senet.models import Placement, StartConfig, StartingModel
from senet.models.start.adapt_feed import adapt_feed
from senet.models.start.request import RANDOM, STANDARD
from senet.study.summary import NO_HEADING, StudyHeading
from senet.study.variant import Variant, check_variant
from senet.training import Recipe
from senet.training.open_data import input_notices
from senet.training.recipe.recipe import to_dict as recipe_values
from senet.training.setup.batch_checks import require_trainable, smallest_micro_batch
from senet.training.setup.freeze import FineTuneConfig
from senet.utils.modules import within

# Raise it when a change of this code moves the numbers of a trial.
RESULTS_VERSION = 2


@dataclass(frozen=True)
class Trial:
    """One training run. Equal keys mean equal results.

    Args:
        variant: The variant's name in the study; names the trial, does not define it.
        network: Name of the network.
        attention: The attention spec as a JSON-ready dict, None for none.
        placement: Where the attention goes.
        data: Where the data is read from; what it holds is in ``fingerprint``.
        fingerprint: Of the data.
        recipe: The variant's own, with precision and threads resolved.
        seed: Pairs trials of different variants.
        environment: What it runs on.
        start: What the network begins with beside its name.
        digest: Of the weights that it begins with, but for a network of ours with random ones.
        on_error: What becomes of images that cannot be read.
    """

    variant: str
    network: str
    attention: dict[str, Any] | None
    placement: Placement
    data: DataConfig
    fingerprint: str
    recipe: Recipe
    seed: int
    environment: dict[str, str]
    start: StartConfig = RANDOM
    digest: str = ""
    on_error: OnError = "fail"

    @property
    def definition(self) -> dict[str, Any]:
        """Whatever moves the result, as plain values."""
        placed = {"placement": asdict(self.placement)} if self.placement != STANDARD else {}
        # Where the weights lie is no part of it: what they are is in the digest.
        start = {key: value for key, value in asdict(replace(self.start, weights=self.digest or None)).items() if value}
        begun = {"start": start} if start != {"head": "keep"} else {}
        # Images in memory have their size in the fingerprint.
        sized = {"image_size": self.data.image_size} if self.data.in_memory is False else {}
        return {
            "network": self.network,
            "attention": self.attention,
            **placed,
            **begun,
            **sized,
            "fingerprint": self.fingerprint,
            "recipe": recipe_values(self.recipe),
            "seed": self.seed,
            "environment": self.environment,
            "results_version": RESULTS_VERSION,
        }

    @property
    def key(self) -> str:
        """Content address: 16 hex digits of a SHA-256."""
        return hashlib.sha256(json.dumps(self.definition, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """A study: one network on one data set, each variant with each seed.

    Args:
        network: Name of the network.
        variants: By name; the first is the baseline.
        seeds: Number of paired seeds.
        data: Which data.
        recipe: How to train; a variant may change it.
        elsewhere: Environments of seeds whose trials stay where they ran.
        start: What every variant begins with beside the network's name.
        digest: Of the weights that it begins with; see :func:`build_variants`.
        notes: What a user should know of how the variants begin.
        on_error: What becomes of images that cannot be read.
        excite: Whether the gates of finished trials are looked at; no part of what a trial is.
        heading: What it is called; no part of what a trial is.
    """

    network: str
    variants: Mapping[str, Variant]
    seeds: int
    data: DataConfig
    recipe: Recipe
    elsewhere: Mapping[int, dict[str, str]] = field(default_factory=dict)
    start: StartConfig = RANDOM
    digest: str = ""
    notes: tuple[str, ...] = ()
    on_error: OnError = "fail"
    excite: bool = False
    heading: StudyHeading = NO_HEADING

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise UsageError(f"seeds={self.seeds} is below 1")
        if not self.variants:
            raise UsageError("a study needs at least one variant")
        seen: dict[str, str] = {}
        for trial in self._of_seed(0, "", {}):
            first = seen.setdefault(trial.key, trial.variant)
            if first != trial.variant:
                raise UsageError(f"the variants {first} and {trial.variant} are the same")

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with."""
        return next(iter(self.variants))

    def trials(self, fingerprint: str, environment: dict[str, str]) -> list[Trial]:
        """List the trials, all variants of a seed together, so that an interrupted study has pairs."""
        environments = [self.elsewhere.get(seed, environment) for seed in range(self.seeds)]
        return [t for seed, where in enumerate(environments) for t in self._of_seed(seed, fingerprint, where)]

    def _of_seed(self, seed: int, fingerprint: str, environment: dict[str, str]) -> list[Trial]:
        return [
            Trial(
                name,
                self.network,
                to_dict(variant.attention),
                variant.placement,
                self.data,
                fingerprint,
                variant.change(self.recipe),
                seed,
                environment,
                self.start,
                self.digest,
                self.on_error,
            )
            for name, variant in self.variants.items()
        ]


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
