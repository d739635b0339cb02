"""The steps of a call in which blocks run: what happens around a module, and the children that run with it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from senet.errors import UsageError
from senet.insertion.blocks.views import Forward, view, view_running

Path = tuple[str, ...]


Step = partial[Any]  # takes what runs at a path, and its arguments


@dataclass
class CarriedTensors:
    """Tensors on their way from one module to another in the same call."""

    given: Any = None
    made: Any = None
    taken: bool = False


def _weigh_output(block: nn.Module, run: Forward, *args: Any, **kwargs: Any) -> Any:
    """Weigh what a module returns."""
    return block(run(*args, **kwargs))


def _weigh_input(block: nn.Module, run: Forward, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Weigh what a module is given."""
    return run(block(x), *args, **kwargs)


def _original_input(given: Tensor, run: Forward, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Give the first module of a branch what the unit was given."""
    return run(given, *args, **kwargs)


def _keep_input(carried: CarriedTensors, run: Forward, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Keep what a convolution is given, for the branches beside it."""
    carried.given = x
    return run(x, *args, **kwargs)


def _run_around(name: str, block: nn.Module, carried: CarriedTensors, run: Forward, *args: Any, **kwargs: Any) -> Any:
    """Run a block around a convolution, with what that and its norm made in the place of the block's own.

    Raises:
        UsageError: It ran without: it was replaced.
    """
    carried.made, carried.taken = run(*args, **kwargs), False
    steps = {path: [partial(_rectify_kept, carried)] for path in _surrounded(block)}
    output = view(block, {"_modules": children_with_steps(block, steps)})(carried.given)
    if not carried.taken:
        what = f"{name} ran without the convolution that it surrounds"
        raise UsageError(what, where=name, do="put the block back, or senet.remove(model) and insert again")
    return output


def _surrounded(block: nn.Module) -> Iterator[Path]:
    """Yield where a block keeps a convolution, or where blocks do in what it was wrapped in: adapters have a copy."""
    for name, module in [("", block)] if hasattr(type(block), "surrounds") else block.named_modules():
        path: str | None = getattr(type(module), "surrounds", None)
        if path is not None:
            yield tuple(f"{name}.{path}".lstrip(".").split("."))


def _rectify_kept(carried: CarriedTensors, run: Forward, x: Tensor) -> Tensor:
    """Rectify what the convolution and its norm made."""
    carried.taken = True
    return F.relu(carried.made)


def children_with_steps(module: nn.Module, steps: dict[Path, list[Step]]) -> dict[str, nn.Module | None]:
    """Return the children of a module, with steps around some of them and of what is in them."""
    found = dict(module._modules)
    within: dict[str, dict[Path, list[Step]]] = {}
    for path, own in steps.items():
        within.setdefault(path[0], {})[path[1:]] = own
    for name, inside in within.items():
        child = found[name]
        assert child is not None  # or it would have been refused
        found[name] = _with_steps(child, inside)
    return found


def _with_steps(module: nn.Module, steps: dict[Path, list[Step]]) -> nn.Module:
    own = steps.pop((), [])
    new = view(module, {"_modules": children_with_steps(module, steps)}) if steps else module
    return view_running(new, _chained(new, own)) if own else new


def _chained(run: Forward, steps: Iterable[Step]) -> Forward:
    for step in steps:
        run = partial(step, run)
    return run
