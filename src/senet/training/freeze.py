"""What does not train in an epoch: the trunk in the first ones, batch norms in the last."""

from contextlib import ExitStack

from torch import nn

from senet.insertion.attach import blocks
from senet.insertion.tuning import frozen_trunk
from senet.training.tuning import Tuning


class Frozen:
    """Keeps what a recipe freezes for as long as it says.

    Args:
        model: Changed in place.
        tuning: Says what, and until when or from when on.

    Raises:
        UsageError: As of :meth:`senet.training.tuning.Tuning.frozen_epochs`.
    """

    def __init__(self, model: nn.Module, tuning: Tuning) -> None:
        self.model, self.tuning, self.epochs = model, tuning, tuning.frozen_epochs(model)
        self.trunk, self.waits = ExitStack(), False
        self.norms: list[nn.Parameter] = []

    def begin_epoch(self, number: int) -> bool:
        """Freeze and thaw a model in training mode; return whether other parameters train than before."""
        waits, since = number <= self.epochs, self.tuning.recipe.freeze_norms_from
        changed, self.waits = waits != self.waits, waits
        if changed and waits:
            self.trunk.enter_context(frozen_trunk(self.model, self.tuning.fresh or ()))
        elif changed:
            self.trunk.close()
        norms = freeze_norms(self.model) if since is not None and number >= since else []  # the trunk's too
        self.norms += norms
        return changed or bool(norms)

    def thaw(self) -> None:
        """Let all parameters train that did before the first epoch."""
        self.trunk.close()
        self.waits = False
        for parameter in self.norms:
            parameter.requires_grad_(True)


def freeze_norms(model: nn.Module) -> list[nn.Parameter]:
    """Let every batch norm keep its running statistics, scale and shift; undone by ``train()`` and the caller.

    SENet-154's way to end training (Hu et al., appendix). A norm of an inserted block goes on: CBAM's begins with a
    scale of zero, and would stay there in a run that freezes norms from its first epoch.

    Returns:
        The parameters that no longer take gradients.
    """
    inserted = {module for name in blocks(model) for module in model.get_submodule(name).modules()}
    frozen: list[nn.Parameter] = []
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module not in inserted:
            module.training = False  # its own, and its own parameters: an inserted block may be its child
            frozen += [parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
        parameter.grad = None  # momentum must not move it either
    return frozen
