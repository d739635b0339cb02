"""Freeze batch norms for the last epochs: SENet-154's way to end training (Hu et al., appendix)."""

from torch import nn


def freeze_norms(model: nn.Module) -> list[nn.Parameter]:
    """Let every batch norm keep its running statistics, scale and shift; undone by ``train()`` and the caller.

    Returns:
        The parameters that no longer take gradients.
    """
    frozen: list[nn.Parameter] = []
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            frozen += [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
        parameter.grad = None  # momentum must not move it either
    return frozen
