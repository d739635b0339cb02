"""When passes may be taken together: in plain eager execution, on tensors that nobody else holds."""

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_module

FRESH = (nn.BatchNorm2d, nn.GroupNorm, nn.Conv2d)
IN_PLACE = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU)


def is_eager(x: Tensor) -> bool:
    """Whether torch runs operator by operator on a plain tensor, with nobody who records or transforms them.

    A compiler, exporter or tracer is given the formula, and fuses it by itself; so is whoever counts operators, and
    torch.func, which differentiates it.
    """
    return (
        not torch.compiler.is_compiling()
        and type(x) is Tensor
        and x.layout is torch.strided
        and not x.is_meta
        and not torch._C._is_tracing()
        # torch has no public questions for these
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
    )


def returns_fresh(module: nn.Module) -> bool:
    """Whether nobody but the caller holds what a module returned, so that it may be overwritten.

    It ends in one of torch's convolutions or norms, or in an activation that works in place, and no hook has seen the
    result.
    """
    if is_hooked(module):
        return False
    if type(module) is not nn.Sequential:
        return type(module) in FRESH or (type(module) in IN_PLACE and bool(module.inplace))
    for layer in reversed(module._modules.values()):
        if type(layer) is not nn.Identity or is_hooked(layer):
            return layer is not None and returns_fresh(layer)
    return False


def is_hooked(module: nn.Module) -> bool:
    """Whether a call of a module runs more than its forward."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or torch_module._global_forward_hooks
        or torch_module._global_forward_pre_hooks
        or torch_module._global_backward_hooks
        or torch_module._global_backward_pre_hooks
        or "forward" in module.__dict__
        or module._compiled_call_impl is not None
    )
