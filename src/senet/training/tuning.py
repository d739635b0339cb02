"""Fine-tuning: what of a network has no trained weights, and what a recipe does for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from senet.errors import UsageError
from senet.insertion.attach import blocks
from senet.insertion.tuning import FASTER, fresh_parameters
from senet.training.recipe import Recipe


@dataclass(frozen=True)
class Tuning:
    """A recipe, and where it starts from.

    Args:
        recipe: How to train.
        fresh: Names of parameters, or of modules that hold them, that have no trained weights beside the inserted
            blocks, such as a new classifier. ``()``: the blocks alone are fresh. None: the whole network is, it trains
            from scratch.
    """

    recipe: Recipe
    fresh: tuple[str, ...] | None = None

    @property
    def ratio(self) -> float:
        """Learning rate of the inserted blocks over the recipe's, at every step."""
        if self.recipe.inserted_lr is None:
            return 1.0 if self.fresh is None else FASTER
        return self.recipe.inserted_lr / self.recipe.lr if self.recipe.inserted_lr else 0.0

    def frozen_epochs(self, model: nn.Module) -> int:
        """Return in how many epochs the trunk waits: 0 where nothing is fresh, since nothing would train.

        Raises:
            UsageError: Nothing has trained weights, so nothing can wait; or no parameter is at a name of ``fresh``.
        """
        epochs = self.recipe.freeze_trunk
        if epochs and self.fresh is None:
            what = f"recipe: freeze_trunk={epochs}, but nothing has trained weights, so nothing can wait"
            raise UsageError(what, do="drop --freeze-trunk, or start from --weights")
        found = fresh_parameters(model, self.fresh or ()).values()
        return epochs if any(parameter.requires_grad for parameter in found) else 0

    def notices(self, model: nn.Module) -> Iterator[str]:
        """Yield what of the recipe this network has no use for: networks that are compared share one recipe.

        Raises:
            UsageError: As of :meth:`frozen_epochs`.
        """
        if self.recipe.freeze_trunk > self.frozen_epochs(model):
            yield "nothing is fresh, so the trunk does not wait"
        if self.recipe.inserted_lr is not None and not blocks(model):
            yield "nothing was inserted, so inserted_lr is not read"
