"""Excitations made of numbers drawn from a fixed seed; nothing was run."""

import base64
import io
import math

import numpy as np
from PIL import Image, ImageDraw

from senet.excitation.summary import (
    QUANTILES,
    BranchPreference,
    Estimate,
    Excitation,
    GateProfile,
    GateSummary,
    ImageGroup,
    SpatialMaps,
)

NAN = float("nan")
UNKNOWN = Estimate(NAN, NAN, NAN)
CLASSES = (("n01443537", "goldfish"), ("n02510455", "giant panda"), ("n04285008", "sports car"), ("n03599486", ""))
EMPTY = ImageGroup("n03873416", "paddle", 0)
PER_CLASS = 12


def se(widths=(64,) * 3 + (128,) * 3 + (512,) * 3, classes=CLASSES, pictures=True):
    """Return an SE-ResNet in three stages: late gates tell classes apart, one is saturated, one constant, one NaN."""
    return excitation("SE-ResNet-20 on photos", [_se_gate(n, wide, len(widths), classes) for n, wide in
                                                enumerate(widths)], classes, pictures)  # fmt: skip


def _se_gate(n, wide, count, classes):
    rng = np.random.default_rng(n)
    apart, name = (n / (count - 1)) ** 2 * 0.25, f"stage{2 + n * 3 // count}.{n % 3}.attention.gate"
    base = rng.beta(3, 3, wide) * 0.6 + 0.2
    means = [np.clip(base + apart * rng.normal(size=wide), 0.01, 0.99) for _ in classes]
    spread = 0.02 + 0.1 * rng.random(wide) * (n + 1) / count
    traits = {"specificity": Estimate(2.4 * apart, 2.4 * apart - 0.03, 2.4 * apart + 0.04)}
    if n == count - 2:
        means, traits["high_share"] = [np.clip(0.995 + 0.01 * rng.normal(size=wide), 0, 1) for _ in classes], 0.83
    if n == 1:
        means, spread, traits["constant"] = [base] * len(classes), np.zeros(wide), 1.0
    if n == 4:
        spread, traits["not_finite"] = np.where(np.arange(wide) == 3, NAN, spread), 2
    return gate(name, "channels", (wide,), means, spread, rng, **traits)


def cbam():
    """Return a network with gates over channels and over positions, and the maps of single images."""
    rng, gates = np.random.default_rng(5), []
    for n, (wide, side) in enumerate(((64, 28), (128, 14), (256, 7))):
        blob = _blob(side, 0.3 + 0.2 * n, 0.5).ravel()
        gates += [
            _se_gate(2 * n + 2, wide, 9, CLASSES),
            gate(f"stage{n + 2}.0.attention.spatial.gate", "positions", (side, side),
                 [blob * (0.6 + 0.1 * c) for c in range(len(CLASSES))], 0.1 * blob + 0.01, rng, slow=True),
        ]  # fmt: skip
    places = [one.name for one in gates if one.kind == "positions"]
    maps = tuple(
        SpatialMaps(
            image=n,
            maps={name: _rows(_blob(28 >> k, 0.2 + n / 60, 0.3 + 0.1 * k)) for k, name in enumerate(places)},
            activation=_rows(_blob(7, 0.2 + n / 60, 0.4)),
            guess=CLASSES[n // PER_CLASS][1] or CLASSES[n // PER_CLASS][0],
        )
        for n in range(0, 40, 8)
    )
    return excitation("CBAM-ResNet-20 on photos", gates, CLASSES, maps=maps)


def sk(count=4):
    """Return a network of selective kernels with their preferences against scale."""
    rng, gates, preferences = np.random.default_rng(9), [], []
    for n in range(count):
        large = [np.clip(0.5 + 0.1 * rng.normal(size=96) + 0.02 * n * k, 0, 1) for k in range(len(CLASSES))]
        name = f"stage{n // 2 + 2}.{n % 2}.selective.gate"
        both = [np.concatenate([1 - one, one]) for one in large]
        gates.append(gate(name, "branches", (2, 96), both, np.full(192, 0.05), rng))
        for k, scale in enumerate((1.0, 1.5, 2.0)):
            middle = 0.04 * k * (1 - n / count) - 0.05 + 0.02 * n
            preferences.append(BranchPreference(name, scale, Estimate(middle, middle - 0.015, middle + 0.015)))
    return excitation("SK-ResNet-14 on photos", gates, CLASSES, preferences=tuple(preferences))


def single():
    """Return what one image gives, and a gate whose range nobody knows."""
    rng = np.random.default_rng(3)
    context = rng.normal(size=(1, 80)) * 3
    one = gate("stage2.0.attention.gate", "channels", (64,), rng.random((1, 64)), np.full(64, NAN), rng, constant=1.0,
               images=1)  # fmt: skip
    term = gate("stage3.0.attention.gate", "context", (80,), context, np.full(80, NAN), rng, low=-math.inf,
                high=math.inf, images=1)  # fmt: skip
    return excitation("GC-ResNet-8 on one photo", [one, term], CLASSES[:1], count=1)


def gate(name, kind, shape, means, spread, rng, **traits):
    """Return a gate's summary around these means of classes."""
    low, high = traits.get("low", 0.0), traits.get("high", 1.0)
    images, known = PER_CLASS * len(means), math.isfinite(low)
    whole = np.mean(means, axis=0)
    profiles = [_profile(images, whole, np.sqrt(spread**2 + np.std(means, axis=0) ** 2), known)]
    profiles += [_profile(PER_CLASS, mean, spread, known) for mean in means]
    profiles.append(
        GateProfile(0, (NAN,) * len(whole), (NAN,) * len(whole), ((NAN,) * len(whole),) * 5 if known else ())
    )
    seen = traits.get("images", images)
    order = [tuple(int(i) for i in rng.permutation(seen)[:6]) for _ in whole]
    return GateSummary(
        name, kind, shape, low, high, traits.get("slow", False), traits.get("not_finite", 0), float(whole.mean()),
        0.01 if known else NAN, traits.get("high_share", 0.004) if known else NAN, traits.get("constant", 0.0),
        traits.get("specificity", UNKNOWN), 0.21, 7.4, tuple(profiles), tuple(order), tuple(o[::-1] for o in order),
    )  # fmt: skip


def _profile(images, mean, spread, known):
    steps = np.array([-1.64, -0.67, 0, 0.67, 1.64]) if known else np.zeros(0)
    assert len(steps) in (0, len(QUANTILES))
    quantiles = tuple(tuple(np.clip(mean + step * np.nan_to_num(spread), 0, 1).tolist()) for step in steps)
    return GateProfile(images, tuple(mean.tolist()), tuple(spread.tolist()), quantiles)


def excitation(title, gates, classes, pictures=True, count=None, **more):
    """Return what was found around these gates; each class has as many images, one class has none."""
    count = count or PER_CLASS * len(classes)
    each = count // len(classes)
    groups = tuple(ImageGroup(name, shown, each) for name, shown in classes)
    labels = tuple(n // each for n in range(count))
    names = tuple(f"{classes[label][0]}/{n:05d}.jpg" for n, label in enumerate(labels))
    return Excitation(
        title, "se_resnet20.safetensors", "folder:photos, split test", names, labels, 3, (*groups, EMPTY),
        (ImageGroup("all", "", count), *groups, EMPTY), tuple(gates), ("stage5.0.attention.gate",), 1_843_200,
        {n: _picture(n, label) for n, label in enumerate(labels) if n % 7} if pictures else {},
        particulars={"seed": 0, "batch_size": 64, "environment": {"torch": "2.10", "device": "cpu"}},
        notes=("3 images could not be read.",), **more,
    )  # fmt: skip


def _picture(n, label):
    rng = np.random.default_rng(n)
    image = Image.new("RGB", (96, 96), tuple(int(v) for v in rng.integers(60, 200, 3)))
    x, y = (int(v) for v in rng.integers(10, 50, 2))
    draw = ImageDraw.Draw(image)
    (draw.ellipse if label % 2 else draw.rectangle)((x, y, x + 36, y + 36), fill=tuple(rng.integers(0, 255, 3)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _blob(side, x, y):
    across = (np.arange(side) + 0.5) / side
    return np.exp(-8 * ((across[None, :] - x) ** 2 + (across[:, None] - y) ** 2))


def _rows(table):
    return tuple(tuple(row) for row in table.tolist())
