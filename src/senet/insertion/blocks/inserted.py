"""What was inserted: one record for each block, which the module that holds the block carries."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from torch import nn

from senet.attention import AttentionSpec
from senet.insertion.places.anchors import Around
from senet.insertion.places.place import Place
from senet.utils.modules import within

RECORDS_ATTRIBUTE = "_inserted"  # the attribute of a module that holds blocks: a tuple, in the order of insertion
SUFFIX = "attention"
Child = nn.Module | None


@dataclass(frozen=True)
class InsertedBlock:
    """One block of an insertion.

    Args:
        place: Where it is.
        spec: What built it.
        init: How it was initialised: ``paper`` or ``preserve``.
        number: 1 for the first block at a module, 2 for the one that comes after.
        aliases: Other paths to what it needs, where a model has a module under several names, each with the usual one.
        path: Names that lead to what it follows from the module that holds it.
        child: Its own name in that: ``bn2_attention``, after the path.
        needs: Paths of all that must be there for it to run.
    """

    place: Place
    spec: AttentionSpec
    init: str
    number: int = 1
    aliases: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = field(default=(), repr=False, compare=False)
    path: tuple[str, ...] = field(init=False, repr=False)  # this and what follows is read in every call
    child: str = field(init=False, repr=False)
    needs: tuple[tuple[str, ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        path = self.path_of(self.place.name)
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "child", "_".join((*path, self.label)))
        object.__setattr__(self, "needs", tuple(map(self.path_of, self.required_modules)))

    @property
    def label(self) -> str:
        """``attention``, ``attention2``: in the order of the blocks at one module."""
        return SUFFIX + ("" if self.number == 1 else str(self.number))

    @property
    def name(self) -> str:
        """Qualified name of the block."""
        return f"{self.place.owner}.{self.child}".lstrip(".")

    @property
    def init_name(self) -> str:
        """By what name its initial weights are drawn, and were saved up to version 0.1: as a child of what it follows.

        The place decides it and not the block's own name, so that no seed means other weights than before.
        """
        return f"{self.place.name}.{self.label}".lstrip(".")

    @property
    def required_modules(self) -> tuple[str, ...]:
        """Names of all modules that it needs: what it follows, a branch beside it, a convolution that it is around."""
        anchor, kernel = self.place.anchor, self.place.kernel
        inner = anchor.inner if isinstance(anchor, Around) else ()
        return (self.place.name, *inner, *((kernel.module,) if self.spec.slot == "convolution" and kernel else ()))

    def with_aliases(self, owner: nn.Module) -> "InsertedBlock":
        """Return the record that the module which holds the block carries: it knows the aliases."""
        needed = {owner.get_submodule(".".join(path)): path for path in self.needs}
        named = (
            (tuple(name.split(".")), module) for name, module in owner.named_modules(remove_duplicate=False) if name
        )
        found = ((path, needed[module]) for path, module in named if module in needed)
        return replace(self, aliases=tuple((path, usual) for path, usual in found if path != usual))

    def path_of(self, module: str) -> tuple[str, ...]:
        """Return the names that lead from the module that holds the block to one within it."""
        inside = module.removeprefix(self.place.owner).lstrip(".")
        return tuple(inside.split(".")) if inside else ()


def records(module: nn.Module) -> tuple[InsertedBlock, ...]:
    """Return what a module itself holds, in the order of insertion."""
    found: tuple[InsertedBlock, ...] = module.__dict__.get(RECORDS_ATTRIBUTE, ())
    return found


def owners(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield all modules of a model that hold blocks, by name."""
    return ((name, module) for name, module in model.named_modules() if records(module))


def without_blocks(children: Mapping[str, Child], held: tuple[InsertedBlock, ...]) -> dict[str, Child]:
    """Return the children of a module that are no blocks of it."""
    blocks = {record.child for record in held}
    return {name: child for name, child in children.items() if name not in blocks}


@contextlib.contextmanager
def hidden_blocks(model: nn.Module) -> Iterator[None]:
    """Let a model be as without its inserted blocks, for as long as the context lasts."""
    held = [(vars(module), module._modules, records(module)) for _, module in [*owners(model)]]
    for attributes, modules, inserted in held:
        attributes["_modules"], attributes[RECORDS_ATTRIBUTE] = without_blocks(modules, inserted), ()
    try:
        yield
    finally:
        for attributes, modules, inserted in held:
            attributes["_modules"], attributes[RECORDS_ATTRIBUTE] = modules, inserted


def blocks(model: nn.Module) -> dict[str, InsertedBlock]:
    """Return the blocks that were inserted into a model, by their qualified names, in the order of the modules.

    Names are those in this model, if it is one that another with inserted blocks became a part of.
    """
    found = (_named_from(record, name) for name, module in owners(model) for record in records(module))
    return {inserted.name: inserted for inserted in found}


def init_names(model: nn.Module) -> Callable[[str], str]:
    """Return the function from module names to initialisation names, :attr:`InsertedBlock.init_name` in blocks."""
    held = {name: inserted.init_name for name, inserted in blocks(model).items()}

    def init_name(name: str) -> str:
        block = next((block for block in held if within(name, (block,))), "")
        return held[block] + name.removeprefix(block) if block else name

    return init_name


def _named_from(record: InsertedBlock, owner: str) -> InsertedBlock:
    if record.place.owner == owner:
        return record
    return replace(record, place=record.place.moved(owner))
