"""A study on paper: variants x seeds, each trial the hash of what defines it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from senet.attention import AttentionSpec, from_dict, parse, to_dict
from senet.data import Dataset, DataSettings
from senet.errors import SenetError, UsageError
from senet.networks import create
from senet.training import Recipe
from senet.training.recipe import to_dict as recipe_values

# Raise it when a change of this code moves the numbers of a trial.
RESULTS_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One training run. Equal keys mean equal results.

    Args:
        variant: The attention as the user wrote it; names the trial, does not define it.
        network: Name of the network.
        attention: The attention spec as a JSON-ready dict, None for none.
        data: Where the data is read from; what it holds is in ``fingerprint``.
        fingerprint: Of the data.
        recipe: With precision and threads resolved.
        seed: Pairs trials of different variants.
        environment: What it runs on.
    """

    variant: str
    network: str
    attention: dict[str, Any] | None
    data: DataSettings
    fingerprint: str
    recipe: Recipe
    seed: int
    environment: dict[str, str]

    @property
    def key(self) -> str:
        """Content address: 16 hex digits of a SHA-256."""
        defining = {
            "network": self.network,
            "attention": self.attention,
            "fingerprint": self.fingerprint,
            "recipe": recipe_values(self.recipe),
            "seed": self.seed,
            "environment": self.environment,
            "results_version": RESULTS_VERSION,
        }
        return hashlib.sha256(json.dumps(defining, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """A study: one network on one data set, each variant with each seed.

    Args:
        network: Name of the network.
        variants: Attention specs as text; the first is the baseline.
        seeds: Number of paired seeds.
        data: Which data.
        recipe: How to train, the same for every variant.
    """

    network: str
    variants: tuple[str, ...]
    seeds: int
    data: DataSettings
    recipe: Recipe

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise UsageError(f"seeds={self.seeds} is below 1")
        if not self.variants:
            raise UsageError("a study needs at least one variant")
        specs = [parse(variant) for variant in self.variants]
        for i, spec in enumerate(specs):
            if spec in specs[:i]:
                raise UsageError(f"the variants {self.variants[specs.index(spec)]} and {self.variants[i]} are the same")

    def trials(self, fingerprint: str, environment: dict[str, str]) -> list[Trial]:
        """List the trials, all variants of a seed together, so that an interrupted study has pairs."""
        return [
            Trial(
                variant,
                self.network,
                to_dict(parse(variant)),
                self.data,
                fingerprint,
                self.recipe,
                seed,
                environment,
            )
            for seed in range(self.seeds)
            for variant in self.variants
        ]


def build(network: str, attention: AttentionSpec | None, data: Dataset) -> nn.Module:
    """Build a variant's network for a data set's channels and classes."""
    return create(network, num_classes=len(data.classes), in_channels=data.channels, attention=attention)


def build_all(plan: Plan, data: Dataset) -> dict[str, nn.Module]:
    """Build every variant on the meta device: a plan that cannot run says so before the first trial.

    Raises:
        UsageError: A variant does not fit the network; names the variant.
    """
    models = {}
    for variant in plan.variants:
        try:
            with torch.device("meta"):
                models[variant] = build(plan.network, parse(variant), data)
        except SenetError as error:
            raise UsageError(error.what, where=f"variant {variant} of {plan.network}", do=error.do) from error
    return models


def attention_of(trial: Trial) -> AttentionSpec | None:
    """Return a trial's spec."""
    return from_dict(trial.attention)
