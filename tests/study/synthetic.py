"""A realistic study made of numbers drawn from a fixed seed; nothing was trained."""

import numpy as np

from senet.study import VARIANTS
from senet.study.statistics.paired import compare_with_baseline, mean_interval
from senet.study.statistics.verdict import verdicts
from senet.study.summary import LeftOutTrial, PublishedRow, Summary, TrialResult, VariantRow

GAINS = (0.0, 1.0, 0.2, 1.8)
PARAMETERS = (77_850, 80_538, 81_226, 152_434)
MULTIPLY_ADDS = (3_211_904, 3_214_208, 3_262_976, 6_904_448)
LATENCIES = (0.81, 1.12, 1.94, 2.47)
EPOCHS = 30
LEFT_OUT = (
    LeftOutTrial(VARIANTS[1], 6, "failed", "out of memory <b>: 812 MiB were asked for"),
    LeftOutTrial(VARIANTS[1], 7, "missing", "has not run yet"),
    LeftOutTrial(VARIANTS[2], 9, "unlike", "other data"),
)
PAPER = "Squeeze-and-Excitation Networks, Table 10"
PUBLISHED = (
    PublishedRow(VARIANTS[0], "ResNet-50", "top-1 error, %", 23.3, PAPER),
    PublishedRow(VARIANTS[1], "SE-ResNet-50", "top-1 error, %", 22.25, PAPER),
    PublishedRow("SE(reduction=64)", "SE-ResNet-50", "parameters, M", 26.0, PAPER),
)


def make_summary(variants=VARIANTS, seeds=8, latency=True):
    """Return a summary of so many variants and seeds."""
    rng = np.random.default_rng(7)
    shared = rng.normal(0, 0.8, seeds)
    trials = [_trial(rng, name, i, seed, shared[seed]) for i, name in enumerate(variants) for seed in range(seeds)]
    scores = {name: {t.seed: t.accuracy for t in trials if t.variant == name} for name in variants}
    base = scores[variants[0]]
    compared = compare_with_baseline({v: {s: scores[v][s] - base[s] for s in base} for v in variants[1:]})
    rows = tuple(
        VariantRow(
            variant=name,
            n=seeds,
            accuracy=mean_interval(scores[name].values()),
            comparison=compared.get(name),
            parameters=PARAMETERS[i % 4] + 1000 * (i // 4),
            multiply_adds=MULTIPLY_ADDS[i % 4] + 50_000 * (i // 4),
            latency_ms=LATENCIES[i % 4] if latency else None,
            train_seconds=11.0 + 3 * (i % 4),
        )
        for i, name in enumerate(variants)
    )
    return Summary("resnet8 on digits", rows, verdicts(variants[0], compared), tuple(trials), SETTINGS, ENVIRONMENT)


def _trial(rng, name, index, seed, luck):
    accuracy = 91.5 + GAINS[index % 4] + luck + rng.normal(0, 0.6)
    epochs = np.arange(1, EPOCHS + 1)
    curve = accuracy - (accuracy - 18) * np.exp(-epochs / (5.5 - 0.4 * (index % 4))) + rng.normal(0, 1.0, EPOCHS)
    validation = tuple(float(round(k * 270 / 100) / 2.7) for k in np.clip(curve, 0, 100))
    loss = tuple(float(x) for x in 0.55 + 1.7 * np.exp(-epochs / 6))
    best = int(np.argmax(validation)) + 1
    key = f"{index:02d}{seed:02d}" + "9f3ac0d1e2b4"
    return TrialResult(key, name, seed, round(accuracy * 5.4) / 5.4, best, validation, loss, 11.0 + 3 * (index % 4))


SETTINGS = {
    "network": "resnet8",
    "variants": {name: {"attention": None if name == "none" else {"kind": name}} for name in VARIANTS},
    "seeds": 8,
    "data": {"source": "digits", "train_fraction": 0.2, "folder": None},
    "images": {"train": 198, "validation": 270, "test": 540},
    "recipe": {"epochs": EPOCHS, "batch_size": 32, "learning_rate": 0.1, "momentum": 0.9, "precision": "float32"},
}
ENVIRONMENT = {"torch": "2.15.0", "python": "3.11.2", "system": "Linux x86_64", "processor": "A processor of 2 cores"}
