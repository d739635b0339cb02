"""A study on paper: variants x seeds, each trial the hash of what defines it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from senet.attention import to_dict
from senet.data import DataConfig
from senet.data.loader.fetch import OnError
from senet.errors import UsageError
from senet.models import Placement, StartConfig
from senet.models.start.request import RANDOM, STANDARD
from senet.study.summary import NO_HEADING, StudyHeading
from senet.study.variant import Variant
from senet.training import Recipe
from senet.training.recipe.recipe import to_dict as recipe_values

# Raise it when a change of this code moves the numbers of a trial.
RESULTS_VERSION = 4


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
