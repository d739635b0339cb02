"""init="preserve": an inserted block changes nothing until it is trained."""

import copy
from typing import Any

import torch
from torch import nn

from senet.attention.contract import Effect
from senet.attention.smoke_test import is_ours, small_map
from senet.errors import UsageError


def preserve(block: nn.Module, spec: object, channels: int) -> nn.Module:
    """Make a fresh block start as the identity, in place, as it says itself.

    Args:
        block: Fresh.
        spec: That built it.
        channels: Of its map.

    Raises:
        UsageError: It cannot, does not say how, or does it wrong.
    """
    start: Any = getattr(block, "start_as_identity", None)
    try:
        if start is None:
            raise UsageError(f"{type(block).__name__} does not say how it starts so: it has no start_as_identity()")
        start()
        _require_identity(block, channels)
    except UsageError as error:
        raise UsageError(
            f'{spec} cannot be inserted with init="preserve": {error.what}',
            do='insert it with --init paper (init="paper")',
        ) from error
    return block


def _require_identity(block: Any, channels: int) -> None:
    """Run a block of someone else's; the tests run ours."""
    x = small_map(block, channels)
    if is_ours(block) or block.effect is Effect.REPLACES or x.is_meta:
        return
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        changed = (copy.deepcopy(block).eval()(x) - x).abs().max()
    if changed > 0 or changed.isnan():
        raise UsageError(f"after its start_as_identity() a map is changed by {changed:.3g}")
