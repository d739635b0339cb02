"""The price of SE as batch, image, channels and depth grow: pairs as in benchmarks/overhead.py, fewer of them."""

from collections.abc import Callable, Iterator
from functools import partial

from torch import nn

from interleaved import median_interval, quartiles
from overhead_measure import by_time
from overhead_sides import Make, Prepare, Shape, inference, training
from senet import SE, create
from senet.networks.resnet import ResidualUnit

BATCHES = 1, 2, 4, 8, 16, 32
SIDES = 64, 128, 160, 224, 288, 320
CHANNELS = 64, 128, 256, 512, 1024, 2048
DEPTHS = 18, 34, 50, 101, 152
CIFAR_DEPTHS = 20, 32, 44, 56, 110
Row = tuple[str, ...]


def grown(what: str, series: Callable[[int], Iterator[Row]], pairs: int) -> Iterator[Row]:
    """Yield the table of one thing that grows."""
    yield what, "price of SE", "95% interval", "ms with / without"
    yield from series(pairs)


def by_batch(pairs: int) -> Iterator[Row]:
    for count in BATCHES:
        yield priced(str(count), networks("resnet50"), inference((count, 3, 224, 224)), pairs)


def by_side(pairs: int) -> Iterator[Row]:
    for side in SIDES:
        yield priced(str(side), networks("resnet50"), inference((8, 3, side, side)), pairs)


def by_channels(pairs: int) -> Iterator[Row]:
    for channels in CHANNELS:
        shape: Shape = (8, channels, 14, 14)
        sides = partial(unit, channels, SE()), partial(unit, channels, None)
        yield priced(str(channels), sides, inference(shape), pairs)


def by_depth(pairs: int) -> Iterator[Row]:
    for depth in DEPTHS:
        yield priced(str(depth), networks(f"resnet{depth}"), inference((4, 3, 224, 224)), pairs)


def by_cifar_depth(pairs: int) -> Iterator[Row]:
    for depth in CIFAR_DEPTHS:
        yield priced(str(depth), networks(f"resnet{depth}"), training((128, 3, 32, 32), 10), pairs)


def networks(name: str) -> tuple[Make, Make]:
    """With SE, and without."""
    return partial(create, f"se_{name}"), partial(create, name)


def unit(channels: int, attention: Callable[[int], nn.Module] | None) -> nn.Module:
    """Return what follows the last convolution of a unit."""
    gate = attention(channels) if attention else None
    return ResidualUnit(nn.BatchNorm2d(channels), nn.Identity(), gate)


def priced(name: str, sides: tuple[Make, Make], prepare: Prepare, pairs: int) -> Row:
    """Return a row of the table."""
    found = by_time(prepare, builds=1)(*sides, pairs)
    low, high = median_interval(found["ratios"])
    with_se, without = (quartiles(series)[1] for series in zip(*found["each"], strict=True))
    return name, f"{quartiles(found['ratios'])[1]:.3f}", f"{low:.3f}, {high:.3f}", f"{with_se:.4g} / {without:.4g}"


GROWTH = {
    "Batch: ResNet-50 at 224, inference": partial(grown, "images", by_batch),
    "Image: ResNet-50, inference, batch 8": partial(grown, "side", by_side),
    "Channels: the end of one unit (norm, SE, sum, ReLU), 8 x 14 x 14, inference": partial(
        grown, "channels", by_channels
    ),
    "Depth: ResNets at 224, inference, batch 4": partial(grown, "layers", by_depth),
    "Depth: CIFAR ResNets, training step, batch 128": partial(grown, "layers", by_cifar_depth),
}
