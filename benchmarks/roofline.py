"""What bounds the price of attention on this machine, how near we are, and how the price grows.

python benchmarks/roofline.py [--pairs N]

Writes results/roofline.md and the bounds of docs/performance.md. Measure on a machine that does nothing else.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from marked import write_part
from overhead_page import PERFORMANCE, table
from roofline_blocks import block_rows, step_rows
from roofline_calls import call_rows, layer_rows
from roofline_growth import Row, growth
from roofline_machine import bandwidth_rows, rate_rows
from roofline_networks import bound_rows, path_rows
from roofline_passes import pass_rows
from senet.utils.environment import available_cores, environment

RESULT = Path(__file__).parent / "results" / "roofline.md"
PAIRS = 10
HEAD = """# Bounds, and how the price of SE grows

    python benchmarks/roofline.py --pairs {pairs}

{facts}; {threads} threads, float32, channels_last.

The bandwidths are of whole maps: those that fit a cache are read from it. What a path takes at least is its passes,
below, over each map at the greatest bandwidth that was reached over a map of that size without allocating; calls and
gates come on top. What is outside products (convolutions and linear layers) is torch's profiler's, without the
optimizer. Prices are medians of {pairs} pairs (A B B A) with their 95% interval, of four times as many where operators
of blocks are timed; each network is built once.
"""


def parts(pairs: int) -> Iterator[tuple[str, list[Row]]]:
    """Yield title and table of each part; the longest last."""
    yield "Memory: gigabytes a second", bandwidth_rows()
    yield "Arithmetic", rate_rows()
    yield "Passes over each map, at least", [*pass_rows()]
    yield "Networks", [*path_rows()]
    yield BOUNDS, [*bound_rows()]
    yield BLOCKS, [*block_rows(pairs)]
    yield STEPS, [*step_rows()]
    yield LAYERS, [*layer_rows(pairs)]
    yield CALLS, [*call_rows(pairs)]
    yield from growth(pairs)


BOUNDS, CALLS, LAYERS = "What attention must cost", "What calls alone must cost", "What SE's layers alone cost"
BLOCKS, STEPS = "What the operators of blocks must cost in inference", "What they must cost in training"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    pairs = parser.parse_args().pairs
    torch.set_num_threads(available_cores())
    facts = ", ".join(environment()[name] for name in ("processor", "instructions", "system"))
    facts += f", torch {torch.__version__}"
    bounds: list[str] = []
    page = HEAD.format(pairs=pairs, facts=facts, threads=torch.get_num_threads())
    for title, rows in parts(pairs):
        print(title, file=sys.stderr)
        page += f"\n## {title}\n\n{table(rows)}\n"
        if title in (BOUNDS, BLOCKS, STEPS, LAYERS, CALLS):
            bounds.append(table(rows))
    write_part(PERFORMANCE, "roofline", "\n\n".join(bounds))
    RESULT.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
