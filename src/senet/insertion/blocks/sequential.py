"""The layers of a ``Sequential`` that holds blocks: length, positions and order are as if it held none.

Code that runs layers one by one, ``for layer in vgg.features``, or builds a sequence of some of them,
``vgg.features[:16]``, gets layers that hold their blocks themselves.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, cast

from torch import nn

from senet.errors import UsageError
from senet.insertion.blocks.call_plan import require_present
from senet.insertion.blocks.inserted import InsertedBlock, records, without_blocks
from senet.insertion.blocks.views import view, view_running
from senet.insertion.places.anchors import After, Before


def layers_with_blocks(sequence: nn.Module) -> dict[str, nn.Module | None]:
    """Return the layers by name, each with the blocks that run before and after it.

    One that a block runs across together with others can be looked at, but not called alone.
    """
    from senet.insertion.blocks.owner import add_block  # which makes classes with these methods

    own = without_blocks(sequence._modules, records(sequence))
    found: dict[str, Any] = dict(own)  # None is none, or its block would have been refused
    for inserted in records(sequence):
        block, names = require_present(sequence, inserted), _layers_of(inserted)
        for name in names:
            if not _runs_at(inserted, name):
                found[name] = view_running(found[name], partial(_refuse_alone, inserted))
                continue
            if found[name] is own[name]:
                found[name] = view(found[name], {"_modules": dict(found[name]._modules)})
            add_block(found[name], replace(inserted, place=replace(inserted.place, owner=inserted.place.name)), block)
    return found


def slice_with_blocks(sequence: nn.Module, names: Iterable[str]) -> nn.Sequential:
    """Return a sequence of some of the layers, which holds their blocks.

    Raises:
        UsageError: A block runs across layers of which some are left out.
    """
    from senet.insertion.blocks.owner import add_block

    kept = {
        name: layer
        for name, layer in without_blocks(sequence._modules, records(sequence)).items()
        if name in set(names)
    }
    new = nn.Sequential(OrderedDict(cast(Any, kept)))
    for inserted in records(sequence):
        needed = _layers_of(inserted)
        if needed <= kept.keys():
            add_block(new, replace(inserted, place=inserted.place.moved("")), require_present(sequence, inserted))
        elif needed & kept.keys():
            _refuse_alone(inserted)
    return new


def _layers_of(inserted: InsertedBlock) -> set[str]:
    return {path[0] for path in inserted.needs if path}


def _runs_at(inserted: InsertedBlock, name: str) -> bool:
    """Whether a block runs before or after a layer, and has to do with no other."""
    return inserted.needs == ((name,),) and isinstance(inserted.place.anchor, After | Before)


def _refuse_alone(inserted: InsertedBlock, *_: object) -> NoReturn:
    raise UsageError(
        f"{inserted.name} runs across several layers of a Sequential, so none of them runs it alone",
        where=inserted.place.owner or "the model itself",
        do="call the Sequential as a whole",
    )


def _refuse_renumbering(sequence: nn.Module, *_: object) -> NoReturn:
    """Refuse what gives the layers other numbers: blocks would run at others.

    Raises:
        UsageError: Always.
    """
    held = ", ".join(inserted.name for inserted in records(sequence))
    raise UsageError(
        f"layers of this Sequential cannot be inserted or deleted: it holds {held}, which follow layers by number",
        do="change the layers first: senet.remove(model), then insert again",
    )


def _len(self: nn.Module) -> int:
    return len(self._modules) - len(records(self))


def _iter(self: nn.Module) -> Iterator[nn.Module | None]:
    found = layers_with_blocks(self) if records(self) else self._modules  # as in each call, which sees a copy
    return iter(found.values())


def _getitem(self: nn.Module, idx: int | slice) -> nn.Module | None:
    found = layers_with_blocks(self)
    return slice_with_blocks(self, [*found][idx]) if isinstance(idx, slice) else [*found.values()][idx]


def _get_item_by_idx(self: nn.Module, found: Iterable[Any], idx: int) -> Any:
    names = without_blocks(self._modules, records(self))
    return [item for item, name in zip(found, self._modules, strict=True) if name in names][idx]


SEQUENTIAL_METHODS: dict[str, Any] = {
    "__len__": _len,
    "__iter__": _iter,
    "__getitem__": _getitem,
    "_get_item_by_idx": _get_item_by_idx,
    "__delitem__": _refuse_renumbering,
    "insert": _refuse_renumbering,
}
