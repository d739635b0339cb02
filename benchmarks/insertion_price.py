"""What it costs to run inserted blocks: against the same blocks run by a forward hook on the module that they follow.

python benchmarks/insertion_price.py [ROUNDS]

A hook is the cheapest way there is, and what senet did up to version 0.1; it loses blocks when norms are converted or
fused. Pairs of forward passes, interleaved in one process of one thread; writes results/insertion_price.md.
"""

import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from interleaved import Clock, abba, kept, quartiles, timed
from senet import SE, blocks, insert, remove
from senet.utils.environment import environment

RESULT = Path(__file__).parent / "results" / "insertion_price.md"
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-18": torchvision.models.resnet18,
    "ResNet-50": torchvision.models.resnet50,
    "RegNetX-400MF": torchvision.models.regnet_x_400mf,
}
PLACES = ("standard", "post")  # whose blocks weigh what one module returns, so that one hook can run them
SMALL, LARGE = (1, 3, 8, 8), (8, 3, 224, 224)


PAGE = """# The price of running inserted blocks

    python benchmarks/insertion_price.py {rounds}

{machine}; one thread, float32.
Against the same blocks run by forward hooks; medians and quartiles of interleaved pairs (A B B A): microseconds a block
at batch 1 of 8 x 8, where convolutions cost least, each the least of ten passes; ratio of a forward pass at batch 8 of
224 x 224; ratio of the bytes that a forward pass in training keeps for the backward pass, parameters left out.

| network | place | blocks | us a block, 8 x 8 | time, 8 x 224 x 224 | memory |
|---|---|---|---|---|---|
{table}
"""


def hooked(model: nn.Module) -> nn.Module:
    """Return the model with its blocks run by hooks."""
    held = {inserted.place.name: model.get_submodule(name) for name, inserted in blocks(model).items()}
    plain = remove(model)
    for name, block in held.items():
        host = plain.get_submodule(name)
        host.attention = block
        host.register_forward_hook(lambda module, args, output: module.attention(output))
    return plain


def forward(model: nn.Module, x: Tensor, passes: int = 1) -> Clock:
    """Return what times a forward pass, the least of some."""

    def clock() -> float:
        with torch.inference_mode():
            return min(timed(lambda: model(x)) for _ in range(passes))

    return clock


def rows(rounds: int) -> Iterator[str]:
    for name, make in NETWORKS.items():
        for where in PLACES:
            torch.manual_seed(0)
            model = insert(make(), SE(reduction=16, minimum=4), where=where, example=(1, 3, 64, 64)).eval()
            other = hooked(model).eval()
            x = torch.randn(SMALL)
            assert torch.equal(model(x), other(x))
            small = abba(forward(model, x, 10), forward(other, x, 10), 4 * rounds)
            extra = [1e6 * (a - b) / len(blocks(model)) for a, b in small]
            x = torch.randn(LARGE)
            ratio = [a / b for a, b in abba(forward(model, x), forward(other, x), rounds)]
            x = torch.randn(2, 3, 64, 64)
            memory = kept(model, x) / kept(other, x)
            low, middle, high = quartiles(extra)
            least, median, most = quartiles(ratio)
            yield (
                f"| {name} | {where} | {len(blocks(model))} | {middle:.1f} [{low:.1f}, {high:.1f}] | "
                f"{median:.3f} [{least:.3f}, {most:.3f}] | {memory:.4f} |"
            )


def main() -> None:
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    said = environment()
    machine = f"{said['processor']}, Python {platform.python_version()}, torch {said['torch']}"
    table = list(rows(rounds))
    RESULT.write_text(PAGE.format(rounds=rounds, machine=machine, table="\n".join(table)))
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
