"""What bounds the price of attention on this machine, how near we are, and how the price grows.

python benchmarks/roofline.py [--pairs N] [--only TITLE]

Writes results/roofline.md and the bounds of docs/performance.md. Measure on a machine that does nothing else.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from marked import write_part
from overhead_page import PERFORMANCE, table
from roofline_blocks import block_rows, step_rows
from roofline_calls import call_rows, layer_rows
from roofline_growth import GROWTH, Row
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


BOUNDS, CALLS, LAYERS = "What attention must cost", "What calls alone must cost", "What SE's layers alone cost"
BLOCKS, STEPS = "What the operators of blocks must cost in inference", "What they must cost in training"
SHOWN = (BOUNDS, BLOCKS, STEPS, LAYERS, CALLS)  # in docs/performance.md too
Part = Callable[[int], Iterable[Row]]


def parts() -> dict[str, Part]:
    """Return what measures each part, by title; the longest last."""
    return {
        "Memory: gigabytes a second": lambda _: bandwidth_rows(),
        "Arithmetic": lambda _: rate_rows(),
        "Passes over each map, at least": lambda _: pass_rows(),
        "Networks": lambda _: path_rows(),
        BOUNDS: lambda _: bound_rows(),
        BLOCKS: block_rows,
        STEPS: lambda _: step_rows(),
        LAYERS: layer_rows,
        CALLS: call_rows,
        **GROWTH,
    }


def committed(head: str) -> dict[str, str]:
    """Return the tables of the page that is there, by title, if it was measured on the same machine in the same way."""
    before, *sections = RESULT.read_text(encoding="utf-8").split("\n## ")
    if before.strip() != head.strip():
        raise SystemExit(f"{RESULT.name} is of another machine or other pairs: measure all parts again\n{before}")
    return {title: drawn.strip() for title, _, drawn in (section.partition("\n") for section in sections)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--only", metavar="TITLE", choices=parts(), help="measure one part, keep the others")
    args = parser.parse_args()
    torch.set_num_threads(available_cores())
    facts = ", ".join(environment()[name] for name in ("processor", "instructions", "system"))
    facts += f", torch {torch.__version__}"
    head = HEAD.format(pairs=args.pairs, facts=facts, threads=torch.get_num_threads())
    drawn = committed(head) if args.only else {}
    for title, measure in parts().items():
        if args.only in (None, title):
            print(title, file=sys.stderr)
            drawn[title] = table([*measure(args.pairs)])
    page = head + "".join(f"\n## {title}\n\n{drawn[title]}\n" for title in parts())
    write_part(PERFORMANCE, "roofline", "\n\n".join(drawn[title] for title in SHOWN))
    RESULT.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
