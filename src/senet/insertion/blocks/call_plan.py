"""How blocks meet one call of the module that holds them: its forward sees children that run with their blocks."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import nn

from senet.errors import UsageError
from senet.insertion.blocks.call_steps import (
    CarriedTensors,
    Path,
    Step,
    _keep_input,
    _original_input,
    _run_around,
    _weigh_input,
    _weigh_output,
)
from senet.insertion.blocks.inserted import InsertedBlock, records
from senet.insertion.blocks.views import can_run_as_copy
from senet.insertion.places.anchors import LISTS, After, Around
from senet.utils.modules import NORMS


@dataclass
class CallPlan:
    """What the blocks of one module do to one call of it.

    Args:
        args: Positional arguments of its forward; None of another method, where its own input and output are not seen.
        steps: By the path of a module within: what runs around it, innermost first.
        last: Blocks that weigh what the call returns.
    """

    args: tuple[Any, ...] | None
    steps: dict[Path, list[Step]] = field(default_factory=dict)
    last: list[nn.Module] = field(default_factory=list)

    def add_step(self, path: Path, step: Step) -> None:
        """Run a step around a module."""
        self.steps.setdefault(path, []).append(step)


def plan_call(owner: nn.Module, args: tuple[Any, ...] | None) -> CallPlan:
    """Return what the blocks of a module do to one call; arguments as of :class:`CallPlan`.

    Raises:
        UsageError: A block, or what it follows, is gone.
    """
    plan = CallPlan(args)
    for inserted in records(owner):
        block = require_present(owner, inserted)
        if inserted.spec.slot == "convolution":
            _plan_convolution(plan, inserted, block)
        else:
            _plan_gate(plan, inserted, block)
        for alias, path in inserted.aliases:
            if path in plan.steps and _at(owner, alias) is not None:
                plan.steps[alias] = plan.steps[path]
    return plan


def require_present(owner: nn.Module, inserted: InsertedBlock) -> nn.Module:
    """Return a block.

    Raises:
        UsageError: It is gone, or what it follows is, or that is run by a forward that no copy can have.
    """
    block = owner._modules.get(inserted.child)
    if block is None:
        what = f"the inserted block {inserted.name}, {inserted.spec}, is gone"
        raise UsageError(what, where=inserted.name, do="take the others out too, senet.remove(model), or insert again")
    for path in inserted.needs:
        if _at(owner, path) is None:
            gone = inserted.required_modules[inserted.needs.index(path)]
            what = f"{inserted.name} cannot run: its module {gone} is gone"
            raise UsageError(what, where=gone, do=f"put {gone} back, or senet.remove(model) and insert again")
        for depth in range(1, len(path)):
            _require_own_forward(inserted, _at(owner, path[:depth]), ".".join(path[:depth]))
    return block


def _at(owner: nn.Module, path: Path) -> nn.Module | None:
    module: nn.Module | None = owner
    for name in path:
        module = module._modules.get(name) if module is not None and not _runs_no_child(module) else None
    return module


def _require_own_forward(inserted: InsertedBlock, module: nn.Module | None, path: str) -> None:
    """Check that what a block runs within can be copied for a call.

    Raises:
        UsageError: It has a forward that runs the module itself.
    """
    if not isinstance(module, LISTS) and module is not None and not can_run_as_copy(module):
        name = f"{inserted.place.owner}.{path}".lstrip(".")
        raise UsageError(
            f"{inserted.name} cannot run: {name}.forward was replaced by a function that runs without it",
            where=name,
            do=f"wrap the forward of {inserted.place.owner or 'the model itself'} instead, or put a method there",
        )


def _runs_no_child(module: nn.Module) -> bool:
    """Whether a norm that had an activation inside became one of torch's, which leaves its children out."""
    return isinstance(module, NORMS) and type(module).__module__.startswith("torch.nn.")


def _plan_gate(plan: CallPlan, inserted: InsertedBlock, block: nn.Module) -> None:
    anchor, path = inserted.place.anchor, inserted.path
    if path:
        plan.add_step(path, partial(_weigh_output if isinstance(anchor, After) else _weigh_input, block))
    elif plan.args is None:
        return
    elif isinstance(anchor, After):
        plan.last.append(block)
    elif not plan.args:
        what = f"{inserted.name} weighs the first positional argument of {inserted.place.name}, which got none"
        raise UsageError(what, where=inserted.place.name, do="pass the map by position, not by keyword")
    else:
        given, *rest = plan.args
        plan.args = (block(given), *rest)
        for inner in anchor.inner if isinstance(anchor, Around) else ():
            plan.add_step(inserted.path_of(inner), partial(_original_input, given))


def _plan_convolution(plan: CallPlan, inserted: InsertedBlock, block: nn.Module) -> None:
    assert inserted.place.kernel is not None  # checked when it was inserted
    carried = CarriedTensors()
    plan.add_step(inserted.path_of(inserted.place.kernel.module), partial(_keep_input, carried))
    plan.add_step(inserted.path, partial(_run_around, inserted.name, block, carried))
