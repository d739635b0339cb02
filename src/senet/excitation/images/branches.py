"""How far the branches of a selective kernel see, where the block says which its branches are."""

from collections.abc import Iterable

from torch import nn

from senet.attention.contract import kept_convolutions
from senet.utils.text import counted, printable

MAX_NAMES = 3  # names in a note


def branch_notes(model: nn.Module, names: Iterable[str]) -> tuple[str, ...]:
    """Say of which gates the last branch does not see most and the first least, and of which that is not known.

    Args:
        model: That has them.
        names: Of its gates over branches; doubles count once.

    Returns:
        A sentence for each order of branches that is not from narrow to wide, and one for all that are not known.
    """
    by_reach: dict[tuple[int, ...], list[str]] = {}
    for name in dict.fromkeys(names):
        by_reach.setdefault(_receptive_fields_of(model, name), []).append(name)
    return tuple(_note(reach, found) for reach, found in by_reach.items() if not _from_narrow_to_wide(reach))


def receptive_fields(block: nn.Module) -> tuple[int, ...]:
    """Return how many pixels each branch of a block sees along a side of its input, in the order of the branches.

    Empty where the block does not name its convolutions, as those of other libraries. The layers of a branch are taken
    to run one after the other.
    """
    parts = [block.get_submodule(path) for path in kept_convolutions(block)]
    branches = [branch for part in parts for branch in (part if isinstance(part, nn.ModuleList) else [part])]
    return tuple(map(_receptive_field, branches))


def _receptive_field(branch: nn.Module) -> int:
    pixels, step = 1, 1
    for layer in branch.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            pixels += step * max((k - 1) * d for k, d in zip(layer.kernel_size, layer.dilation, strict=True))
            step *= max(layer.stride)
    return pixels


def _receptive_fields_of(model: nn.Module, name: str) -> tuple[int, ...]:
    block = dict(model.named_modules()).get(name.partition("#")[0])  # a gate within the model itself has its class
    return receptive_fields(block) if block is not None else ()


def _from_narrow_to_wide(reach: tuple[int, ...]) -> bool:
    return bool(reach) and reach[0] < reach[-1] and reach[0] == min(reach) and reach[-1] == max(reach)


def _note(reach: tuple[int, ...], names: list[str]) -> str:
    shown = ", ".join(map(printable, names[:MAX_NAMES])) + (", ..." if len(names) > MAX_NAMES else "")
    gates = f"{counted(len(names), 'gate')} over branches ({shown})"
    if not reach:
        return f"{gates}: how far each branch sees is not known; a preference is for the last branch over the first"
    sides = ", ".join(map(str, reach))
    return f"{gates}: the branches see {sides} pixels a side; a preference is for the last over the first, not for wide"
