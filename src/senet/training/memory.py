"""Out of memory: say what the step needed, and what halves it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from senet.errors import ResourceError
from senet.text import counted
from senet.training.recipe import Recipe


@contextmanager
def advice_on_memory(recipe: Recipe, where: str) -> Iterator[None]:
    """Turn an allocation that failed into an error that the user can act on; the batch is never changed for them."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's allocator raises a plain one
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        peak = f", peak {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if torch.cuda.is_available() else ""
        parts = recipe.accumulate
        what = f"out of memory with batch_size={recipe.batch_size} in {counted(parts, 'part')}{peak}"
        do = (
            f"set accumulate = {2 * parts} (--accumulate {2 * parts}): the same batch in smaller parts "
            "(batch norm sees the parts)"
        )
        raise ResourceError(what, where=where, do=do) from error
