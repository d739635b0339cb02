"""Build blocks, hang them on a model and take them off again."""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn

from senet.attention import AttentionSpec
from senet.errors import UsageError
from senet.insertion import hooks
from senet.insertion.hooks import Carry, Inserted
from senet.insertion.hosts import After, Before
from senet.insertion.place import Place
from senet.insertion.preserve import preserve


def attach(model: nn.Module, place: Place, spec: AttentionSpec, init: str) -> Inserted:
    """Build a block for a place and hang it there, in place; draws from torch's global generator.

    Raises:
        UsageError: The spec does not fit the place, or cannot be initialised so.
    """
    host = model.get_submodule(place.name)
    inserted = Inserted(place, spec, init, _free_name(host))
    if spec.slot == "gate":
        block = _built(inserted)
        _hang_gate(model, inserted)
    else:
        block = _around_convolution(model, inserted)
    like = next((p for p in (*host.parameters(), *model.parameters()) if p.is_floating_point()), torch.empty(0))
    host.add_module(inserted.child, block.to(device=like.device, dtype=like.dtype).train(host.training))
    return inserted


def _built(inserted: Inserted) -> nn.Module:
    block = inserted.place.build(inserted.spec)
    return preserve(block, inserted.spec, inserted.place.channels) if inserted.init == "preserve" else block


def _free_name(host: nn.Module) -> str:
    names = ("attention", *(f"attention{i}" for i in range(2, 99)))
    return next(name for name in names if not hasattr(host, name))


def _hang_gate(model: nn.Module, inserted: Inserted) -> None:
    anchor = inserted.place.anchor
    host = model.get_submodule(anchor.module)
    if isinstance(anchor, After):
        host.register_forward_hook(hooks.Follow(inserted))
    elif isinstance(anchor, Before):
        host.register_forward_pre_hook(hooks.Precede(inserted))
    else:
        carry = Carry()
        host.register_forward_pre_hook(hooks.Divert(inserted, carry))
        for name in anchor.inner:
            model.get_submodule(name).register_forward_pre_hook(hooks.Restore(inserted, carry), prepend=True)
        host.register_forward_hook(hooks.Forget(inserted, carry))


def _around_convolution(model: nn.Module, inserted: Inserted) -> nn.Module:
    """Build a block around the convolution that stands at the place, which stays where it is."""
    place, spec = inserted.place, inserted.spec
    kernel = place.kernel
    if kernel is None or kernel.size != 3 or not kernel.rectified or not isinstance(place.anchor, After):
        raise UsageError(
            f"{spec} replaces a 3x3 convolution that a ReLU follows (after its norm); {place.name} is none",
            where=f"{place.kind} unit, {'no convolution' if kernel is None else f'kernel {kernel.size}'}",
            do="choose stages= or a glob of such convolutions, or another network",
        )
    block: Any = _built(inserted)
    carry = Carry()
    block.set_submodule(block.surrounds, hooks.Kept(carry))
    model.get_submodule(kernel.module).register_forward_hook(hooks.Remember(inserted, carry))
    model.get_submodule(place.name).register_forward_hook(hooks.Select(inserted, carry))
    return cast(nn.Module, block)


def blocks(model: nn.Module) -> dict[str, Inserted]:
    """Return the blocks that were inserted into a model, by their qualified names, in the order of the modules."""
    found = (hook.inserted for module in model.modules() for _, _, hook in _hooks(module))
    return {inserted.name: inserted for inserted in found}


def detach(model: nn.Module) -> list[Inserted]:
    """Take all inserted blocks off, in place, and return what they were."""
    inserted = blocks(model)
    for module in model.modules():
        for table, key, _ in list(_hooks(module)):
            del table[key]
    for block in inserted.values():
        delattr(model.get_submodule(block.place.name), block.child)
    return list(inserted.values())


def hooks_of(model: nn.Module, inserted: Inserted) -> list[Any]:
    """Return the hooks that run for one inserted block."""
    return [hook for module in model.modules() for _, _, hook in _hooks(module) if hook.inserted == inserted]


def _hooks(module: nn.Module) -> Iterator[tuple[dict[int, Any], int, Any]]:
    """Yield the table and the key of each of our hooks on a module, and the hook."""
    for table in (module._forward_pre_hooks, module._forward_hooks):
        for key, hook in table.items():
            if isinstance(hook, hooks.HOOKS):
                yield table, key, hook
