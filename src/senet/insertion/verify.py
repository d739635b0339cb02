"""verify(): does every inserted block still run, whatever was done to the model since?"""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from torch import nn

from senet.errors import UsageError
from senet.insertion.blocks.guards import require_blocks_intact
from senet.insertion.blocks.inserted import blocks, owners
from senet.insertion.example_input import Example, example_arguments, preserve_state
from senet.utils.text import counted


def verify(model: nn.Module, example: Example = (1, 3, 224, 224)) -> dict[str, int]:
    """Run a model once, in evaluation mode, and return how often each inserted block ran; the model is as before.

    What can be seen without running is looked at in every call of the model, at ``train()`` and at ``state_dict()``
    too. :func:`senet.liveness` says what the gates do.

    Args:
        model: With inserted blocks, in a wrapper or not.
        example: Shape of its input, the input, or a tuple or dict of its arguments.

    Returns:
        Runs by the block's name. Those of a module that is not called itself, such as a unit that is skipped, have 0.

    Raises:
        UsageError: Nothing was inserted; a block, or what it follows, is gone; a block does not run where the module
            that holds it does. Names them.
    """
    held = blocks(model)
    if not held:
        raise UsageError("nothing was inserted into this model", do="insert() first")
    for _, module in owners(model):
        require_blocks_intact(module)
    runs = run_counts(model, example, {*held, *(inserted.place.owner for inserted in held.values())})
    silent = [name for name, inserted in held.items() if not runs[name] and runs[inserted.place.owner]]
    if silent:
        owner, follows = held[silent[0]].place.owner, held[silent[0]].place.name
        raise UsageError(
            f"{counted(len(silent), 'inserted block')} of {len(held)} did not run",
            where=", ".join(silent[:5]) + (" ..." if len(silent) > 5 else ""),
            do=f"{owner or 'the model'} ran without calling {follows}, or with another forward: undo that, "
            "or senet.remove(model), change it and insert again",
        )
    return {name: runs[name] for name in held}


def run_counts(model: nn.Module, example: Example, names: Iterable[str]) -> Counter[str]:
    """Run a model once, in evaluation mode, and count how often some of its modules run; it is as before afterwards."""
    runs = Counter[str](dict.fromkeys(names, 0))
    args, kwargs = example_arguments(model, example)

    def count(name: str) -> Any:
        return lambda *_: runs.update([name])

    with preserve_state(model), ExitStack() as hooks:
        for name in list(runs):
            hooks.enter_context(model.get_submodule(name).register_forward_hook(count(name)))
        model(*args, **kwargs)
    return runs
