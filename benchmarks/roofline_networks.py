"""What of a network's time is convolutions and what is not, beside the least that passes over its maps take."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from overhead_measure import seeded
from overhead_sides import Make, Prepare, Shape, batch, inference, settled, training
from roofline_machine import best_rate, seconds
from roofline_passes import BACKWARD, FORWARD, INFERENCE, Maps, Passes, least_bytes, least_seconds, maps
from senet import cost, create

WARM, STEPS = 2, 5
PRODUCTS = ("conv", "addmm", "aten::mm", "aten::linear")  # in the names of torch's operators
UPDATES = ("Optimizer", "_foreach")


@dataclass(frozen=True)
class Path:
    """One way through one network.

    Args:
        title: For the page.
        networks: The plain one, the one with SE.
        shape: Of a batch.
        prepare: Makes it run.
        passes: Over its maps.
        times: Multiply-adds of the path over those of a forward pass.
    """

    title: str
    networks: tuple[Make, Make]
    shape: Shape
    prepare: Prepare
    passes: tuple[Passes, ...]
    times: int


def both(name: str) -> tuple[Make, Make]:
    return partial(create, name), partial(create, f"se_{name}")


LARGE, SMALL = both("resnet50"), both("resnet20")
SHAPES: dict[str, Shape] = {"224": (8, 3, 224, 224), "160": (8, 3, 160, 160), "32": (128, 3, 32, 32)}
STEP = FORWARD, BACKWARD
PATHS = (
    Path("ResNet-50, inference, 8 x 224", LARGE, SHAPES["224"], inference(SHAPES["224"]), (INFERENCE,), 1),
    Path("ResNet-50, step, 8 x 160", LARGE, SHAPES["160"], training(SHAPES["160"], 1000), STEP, 3),
    Path("ResNet-20, inference, 128 x 32", SMALL, SHAPES["32"], inference(SHAPES["32"]), (INFERENCE,), 1),
    Path("ResNet-20, step, 128 x 32", SMALL, SHAPES["32"], training(SHAPES["32"], 10), STEP, 3),
)


@dataclass(frozen=True)
class Split:
    """Seconds of one pass or step.

    Args:
        products: Convolutions and linear layers.
        rest: All else but the optimizer.
    """

    products: float
    rest: float


def split(path: Path, model: nn.Module) -> Split:
    """Profile some passes of a model and add its operators up."""
    run = path.prepare(model)
    for _ in range(WARM):
        run()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(STEPS):
            run()
    products = rest = 0.0
    for event in profiled.key_averages():
        if any(word in event.key for word in PRODUCTS):
            products += event.self_cpu_time_total
        elif not any(word in event.key for word in UPDATES):
            rest += event.self_cpu_time_total
    return Split(1e-6 * products / STEPS, 1e-6 * rest / STEPS)


def path_rows() -> Iterator[tuple[str, ...]]:
    """A row for each path, plain and with SE."""
    yield "", "", "MB at least", "ms at least", "ms outside products", "reached", "ms products", "of the best rate"
    for path in PATHS:
        for attended, make in enumerate(path.networks):
            yield path_row(path, make, attended=bool(attended))


def path_row(path: Path, make: Make, *, attended: bool) -> tuple[str, ...]:
    """Measure one network on one path."""
    sizes, taken = sizes_of(path, make), split(path, seeded(make))
    inner = sum(passes.inner for passes in path.passes)
    end = sum(passes.se if attended else passes.plain for passes in path.passes)
    least, moved = least_seconds(inner, end, sizes), least_bytes(inner, end, sizes)
    work = path.times * path.shape[0] * cost(seeded(make), path.shape[1:]).multiply_adds
    return (
        path.title,
        "with SE" if attended else "plain",
        f"{moved / 1e6:.0f}",
        f"{1000 * least:.1f}",
        f"{1000 * taken.rest:.1f}",
        f"{100 * least / taken.rest:.0f}%",
        f"{1000 * taken.products:.1f}",
        f"{100 * work / taken.products / best_rate():.0f}%",
    )


def bound_rows() -> Iterator[tuple[str, ...]]:
    """What attention must cost in each path: the passes that it adds over the plain network's time."""
    yield "", "ms plain", "ms that SE adds", "least price of SE", "ms that CBAM adds", "least price of CBAM"
    for path in PATHS:
        sizes, plain = sizes_of(path, path.networks[1]), seconds(path.prepare(seeded(path.networks[0])))
        more = [sum(passes.se - passes.plain for passes in path.passes)]
        more.append(sum(passes.cbam - passes.plain for passes in path.passes))
        added = [least_seconds(0, count, sizes) for count in more]
        cells = [cell for each in added for cell in (f"{1000 * each:.2f}", f"{1 + each / plain:.3f}")]
        yield path.title, f"{1000 * plain:.1f}", *cells


def sizes_of(path: Path, make: Make) -> Maps:
    """Return the maps of a network on a path."""
    with torch.no_grad():
        return maps(settled(seeded(make), path.shape), batch(path.shape))
