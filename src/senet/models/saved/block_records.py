"""Inserted blocks as a record lists them, and the places that it describes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from senet.attention import AttentionSpec, parse
from senet.errors import SenetError, UsageError
from senet.insertion.blocks.inserted import InsertedBlock
from senet.insertion.insert import Init
from senet.insertion.places.anchors import After, Anchor, Around, Before
from senet.insertion.places.place import Kernel, Place, Strategy
from senet.insertion.places.units import Kind


@dataclass(frozen=True, kw_only=True)
class BlockRecord:
    """What differs between the places of a group; see :class:`~senet.insertion.Place`.

    Args:
        module: That the block follows, precedes or goes around.
        owner: That holds the block; None in records of version 0.1, where the module itself did.
        stage: None where it has no number.
        channels: Of the map.
        height: Of the map of an image, on the example of the insertion.
        width: Likewise.
        size: Spatial axes of a map that has one or three, likewise.
        inner: First modules of the unit's branch, of a block that hangs around a unit.
        kernel: The convolution there.
    """

    module: str
    owner: str | None = None
    stage: int | None = None
    channels: int
    height: int | None = None
    width: int | None = None
    size: tuple[int, ...] = ()
    inner: tuple[str, ...] = ()
    kernel: Kernel | None = None

    def __post_init__(self) -> None:
        image = self.height is not None and self.width is not None
        if image == bool(self.size) or (self.height is None) != (self.width is None):
            raise UsageError(f"the place {self.module} needs either height and width, or size")

    @property
    def axes(self) -> tuple[int, ...]:
        """Spatial axes of the map, however many."""
        return self.size or (self.height or 0, self.width or 0)


@dataclass(frozen=True, kw_only=True)
class BlockGroup:
    """Blocks of one kind; those that share a module are in groups in the order of their insertion.

    Args:
        spec: As :func:`senet.parse` reads it.
        init: How they were initialised.
        unit: Kind of the units that they are in.
        strategy: The paper's name of the places; None for modules that were asked for by name.
        hung: Before, after or around the modules.
        code: SHA-256 of the file of a block of the user's own.
        places: Where they are.
    """

    spec: str
    init: Init
    unit: Literal[Kind, "module"]
    strategy: Strategy | None = None
    hung: Literal["after", "before", "around"]
    code: str | None = None
    places: tuple[BlockRecord, ...]


ANCHORS: dict[str, type[After] | type[Before] | type[Around]] = {"after": After, "before": Before, "around": Around}


ANCHOR_NAMES: dict[type, Any] = {kind: name for name, kind in ANCHORS.items()}


def group_blocks(blocks: Iterable[InsertedBlock]) -> tuple[BlockGroup, ...]:
    """Return blocks as they are written.

    Raises:
        UsageError: A spec that text cannot name.
    """
    found: dict[tuple[Any, ...], list[InsertedBlock]] = {}
    for block in sorted(blocks, key=lambda block: block.number):
        place = block.place
        key = block.number, block.spec, block.init, place.kind, place.strategy, type(place.anchor)
        found.setdefault(key, []).append(block)
    return tuple(map(_group, found.values()))


def _group(blocks: list[InsertedBlock]) -> BlockGroup:
    first, place = blocks[0], blocks[0].place
    return BlockGroup(
        spec=_spec_text(first.spec),
        init=cast(Init, first.init),
        unit=place.kind,
        strategy=place.strategy,
        hung=ANCHOR_NAMES[type(place.anchor)],
        code=getattr(first.spec, "code", "") or None,
        places=tuple(_block_record(block.place) for block in blocks),
    )


def _spec_text(spec: AttentionSpec) -> str:
    try:
        if parse(str(spec), imports=False) == spec:
            return str(spec)
    except SenetError:
        pass
    raise UsageError(
        f"{spec} cannot be read back from text",
        do='insert it by the name of its class, senet.insert(model, "MODULE.PATH:CLASS(...)"), '
        "or save the model's state_dict() and keep the code",
    )


def _block_record(place: Place) -> BlockRecord:
    height, width = place.size if len(place.size) == 2 else (None, None)
    return BlockRecord(
        module=place.name,
        owner=place.owner,
        stage=place.stage,
        channels=place.channels,
        height=height,
        width=width,
        size=place.size if height is None else (),
        inner=place.anchor.inner if isinstance(place.anchor, Around) else (),
        kernel=place.kernel,
    )


def place_of(group: BlockGroup, block: BlockRecord) -> Place:
    """Return a place as the insertion had it, with no owner where the record says none."""
    return Place(
        name=block.module,
        owner=block.owner or "",
        kind=group.unit,
        strategy=group.strategy,
        stage=block.stage,
        channels=block.channels,
        size=block.axes,
        anchor=_anchor(group, block),
        kernel=block.kernel,
    )


def _anchor(group: BlockGroup, block: BlockRecord) -> Anchor:
    kind: Any = ANCHORS[group.hung]
    anchor: Anchor = kind(block.module, block.inner) if group.hung == "around" else kind(block.module)
    return anchor
