"""A study on paper: variants x seeds, each trial the hash of what defines it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from senet.attention import parse, to_dict
from senet.data import Dataset, DataSettings
from senet.errors import UsageError
from senet.sources.placed import STANDARD, Placement
from senet.study.variant import Variant, on_meta
from senet.training import Recipe
from senet.training.recipe import to_dict as recipe_values

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
    """

    variant: str
    network: str
    attention: dict[str, Any] | None
    placement: Placement
    data: DataSettings
    fingerprint: str
    recipe: Recipe
    seed: int
    environment: dict[str, str]

    @property
    def definition(self) -> dict[str, Any]:
        """Whatever moves the result, as plain values."""
        placed = {"placement": asdict(self.placement)} if self.placement != STANDARD else {}
        return {
            "network": self.network,
            "attention": self.attention,
            **placed,
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
    """

    network: str
    variants: Mapping[str, Variant]
    seeds: int
    data: DataSettings
    recipe: Recipe
    elsewhere: Mapping[int, dict[str, str]] = field(default_factory=dict)

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
            )
            for name, variant in self.variants.items()
        ]


def of_specs(specs: list[str] | tuple[str, ...]) -> dict[str, Variant]:
    """Return variants that are named by their attention, ``none`` or a spec as text.

    Raises:
        UsageError: A spec that cannot be read, or the same text twice.
    """
    twice = [spec for i, spec in enumerate(specs) if spec in specs[:i]]
    if twice:
        raise UsageError(f"the variant {twice[0]} is named twice")
    return {spec: Variant(parse(spec)) for spec in specs}


def build_all(plan: Plan, data: Dataset) -> dict[str, nn.Module]:
    """Build every variant on the meta device: a plan that cannot run says so before the first trial.

    Raises:
        UsageError: A variant does not fit the network; names the variant.
    """
    return {name: on_meta(name, plan.network, variant, data) for name, variant in plan.variants.items()}
