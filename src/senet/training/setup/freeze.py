"""What of a network has no trained weights, what a recipe does for it, and what does not train in an epoch."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from torch import nn

from senet.insertion.blocks.inserted import blocks
from senet.insertion.fine_tuning import INSERTED_LR_FACTOR, fresh_parameters, frozen_trunk
from senet.training.recipe.recipe import Recipe
from senet.training.recipe.validate import require
from senet.utils.modules import has_running_stats, within
from senet.utils.one_or_many import as_tuple

OWN = ("weight", "bias", "parametrizations")  # of a norm itself: its scale and shift, and what makes them


@dataclass(frozen=True)
class FineTuneConfig:
    """A recipe, and where it starts from.

    Args:
        recipe: How to train.
        fresh: Names of parameters, or of modules that hold them, that have no trained weights beside the inserted
            blocks, such as a new classifier. ``()``: the blocks alone are fresh. None: the whole network is, it trains
            from scratch.
    """

    recipe: Recipe
    fresh: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.fresh is not None:
            object.__setattr__(self, "fresh", as_tuple("fresh", self.fresh, str))

    @property
    def ratio(self) -> float:
        """Learning rate of the inserted blocks over the recipe's, at every step."""
        if self.recipe.inserted_lr is None:
            return 1.0 if self.fresh is None else INSERTED_LR_FACTOR
        return self.recipe.inserted_lr / self.recipe.lr if self.recipe.inserted_lr else 0.0

    def frozen_epochs(self, model: nn.Module) -> int:
        """Return in how many epochs the trunk waits: 0 where nothing is fresh, since nothing would train.

        Raises:
            UsageError: Nothing has trained weights, so nothing can wait; or no parameter is at a name of ``fresh``.
        """
        epochs = self.recipe.freeze_trunk
        said = f"freeze_trunk={epochs}, but no weights are pretrained, so there is nothing to freeze"
        require(not epochs or self.fresh is not None, said, do="drop --freeze-trunk, or start from --weights")
        found = fresh_parameters(model, self.fresh or ()).values()
        return epochs if any(parameter.requires_grad for parameter in found) else 0

    def notices(self, model: nn.Module) -> Iterator[str]:
        """Yield what of the recipe this network has no use for: networks that are compared share one recipe.

        Raises:
            UsageError: As of :meth:`frozen_epochs`.
        """
        if self.recipe.freeze_trunk > self.frozen_epochs(model):
            yield "freeze_trunk is not used: no parameter is new"
        if self.recipe.inserted_lr is not None and not blocks(model):
            yield "inserted_lr is not used: nothing was inserted"
        if self.recipe.freeze_norms_from is not None and not _norms(model):
            yield "freeze_norms_from is not used: no norm outside of inserted blocks has running statistics"


class FreezeSchedule:
    """Keeps what a recipe freezes for as long as it says.

    Args:
        model: Changed in place.
        tuning: Says what, and until when or from when on.

    Raises:
        UsageError: As of :meth:`FineTuneConfig.frozen_epochs`.
    """

    def __init__(self, model: nn.Module, tuning: FineTuneConfig) -> None:
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

    def unfreeze(self) -> None:
        """Let all parameters train that did before the first epoch."""
        self.trunk.close()
        self.waits = False
        for parameter in self.norms:
            parameter.requires_grad_(True)


def freeze_norms(model: nn.Module) -> list[nn.Parameter]:
    """Let every norm with running statistics keep them, and its scale and shift; undone by ``train()`` and the caller.

    SENet-154's way to end training (Hu et al., appendix). Such a norm computes as in evaluation, and counts no batches.
    What is inside one, such as an activation, trains on, and so do norms without statistics: group and layer norms.
    A norm of an inserted block goes on: CBAM's begins with a scale of zero, and would stay there in a run that freezes
    norms from its first epoch.

    Returns:
        The parameters that no longer take gradients.
    """
    frozen: list[nn.Parameter] = []
    for norm in _norms(model):
        norm.training = False  # its own alone: an activation or an inserted block may be its child
        frozen += [p for name, p in norm.named_parameters() if within(name, OWN) and p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
        parameter.grad = None  # momentum must not move it either
    return frozen


def _norms(model: nn.Module) -> list[nn.Module]:
    """Return the norms with running statistics that are not of inserted blocks."""
    inserted = {module for name in blocks(model) for module in model.get_submodule(name).modules()}
    return [module for module in model.modules() if has_running_stats(module) and module not in inserted]
