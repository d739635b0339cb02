"""What it costs to read every gate: time against plain inference, and memory over many images.

python benchmarks/excitation.py [ROUNDS] [IMAGES]

SE-ResNet-50, ten classes, four of them shown. Time: pairs of passes of one network and of a copy that is recorded,
interleaved in one process of one thread, statistics included. Memory: the peak of one process that runs IMAGES small
images plainly, and of another that records them too; and of a tenth of them. Writes results/excitation.md.
"""

import copy
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import torch
from torch import nn

from senet import create
from senet.excitation import Statistics, record
from senet.utils.environment import environment

RESULT = Path(__file__).parent / "results" / "excitation.md"
CLASSES, SHOWN = 10, (0, 1, 2, 3)
SIZES = ((16, 224), (32, 128), (64, 64), (64, 32))  # images of a batch, and their side
BEFORE = 60  # batches of 64 small images that the statistics have seen: the first images cost more

PAGE = """# The price of reading every gate

    python benchmarks/excitation.py {rounds} {images}

{machine}; one thread, float32.
SE-ResNet-50 (16 gates, 15,104 channels), ten classes, four of them shown.

Time of a forward pass with all gates read and added to the statistics, over that of the same pass without; medians and
quartiles of interleaved pairs, new images in every pass. Reading costs the same for an image of any size, so its share
is largest where convolutions cost least.

| images a batch | side | milliseconds an image | with reading, over without |
|---|---|---|---|
{times}

Memory: the largest resident set of a process while it runs so many images of side 32, in batches of 64, and what the
statistics say that they take.

| images | plain, MB | with reading, MB | difference, MB | statistics, MB |
|---|---|---|---|---|
{memory}
"""


def network() -> nn.Module:
    torch.manual_seed(0)
    return create("se_resnet50", num_classes=CLASSES).eval()


def times(rounds: int) -> Iterator[str]:
    plain = network()
    watched, found = copy.deepcopy(plain), Statistics(CLASSES, SHOWN)
    with torch.inference_mode():
        _read(watched, found, BEFORE)
    for images, side in SIZES:
        pairs = list(_pairs((plain, watched), found, (images, 3, side, side), rounds))
        low, middle, high = statistics.quantiles([b / a for a, b in pairs], n=4)
        each = 1e3 * statistics.median(a for a, _ in pairs) / images
        yield f"| {images} | {side} | {each:.1f} | {middle:.3f} [{low:.3f}, {high:.3f}] |"


def _read(model: nn.Module, found: Statistics, batches: int) -> None:
    """Run batches of 64 small images through a model, and add up what its gates do."""
    draw, labels = torch.Generator().manual_seed(0), torch.arange(64) % CLASSES
    with record(model) as recorded:
        for _ in range(batches):
            model(torch.randn(64, 3, 32, 32, generator=draw))
            found.add(recorded.gates.values(), labels)


def _pairs(
    models: tuple[nn.Module, nn.Module], found: Statistics, shape: tuple[int, ...], rounds: int
) -> Iterator[tuple[float, float]]:
    plain, watched = models
    labels = torch.arange(shape[0]) % CLASSES
    with torch.inference_mode(), record(watched) as recorded:
        for n in range(rounds + 3):
            x, taken = torch.randn(shape), {}
            for model in (plain, watched) if n % 2 else (watched, plain):
                start = time.perf_counter()
                model(x)
                if model is watched:
                    found.add(recorded.gates.values(), labels)
                taken[model] = time.perf_counter() - start
            if n >= 3:
                yield taken[plain], taken[watched]


def run(images: int, reading: bool) -> None:
    """Run images and print the largest resident set since the network stood and ran once, and the statistics' bytes."""
    torch.set_num_threads(1)
    model, found = network(), Statistics(CLASSES, SHOWN)
    with torch.inference_mode():
        model(torch.randn(64, 3, 32, 32))
        Path("/proc/self/clear_refs").write_text("5")  # the largest from here on
        if reading:
            _read(model, found, images // 64)
        else:
            draw = torch.Generator().manual_seed(0)
            for _ in range(images // 64):
                model(torch.randn(64, 3, 32, 32, generator=draw))
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(1024 * int(peak), found.bytes)


def memory(images: int) -> Iterator[str]:
    for count in (images // 10, images):
        (plain, _), (reading, kept) = (_peak(count, mode) for mode in ("plain", "reading"))
        numbers = (plain, reading, reading - plain, kept)
        yield f"| {count:,} | " + " | ".join(f"{bytes / 1e6:.1f}" for bytes in numbers) + " |"


def _peak(images: int, mode: str) -> tuple[int, int]:
    command = [sys.executable, __file__, "run", str(images), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, kept = done.stdout.split()
    return int(peak), int(kept)


def main() -> None:
    if sys.argv[1:2] == ["run"]:
        run(int(sys.argv[2]), sys.argv[3] == "reading")
        return
    torch.set_num_threads(1)
    rounds, images = (int(given or usual) for given, usual in zip_longest(sys.argv[1:3], ("15", "50000")))
    said = environment()
    machine = f"{said['processor']}, Python {platform.python_version()}, torch {said['torch']}"
    tables = {"times": "\n".join(times(rounds)), "memory": "\n".join(memory(images))}
    RESULT.write_text(PAGE.format(rounds=rounds, images=images, machine=machine, **tables))
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
