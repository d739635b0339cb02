"""What a network costs, for a page that says it beside other things: what cannot be counted is left out."""

from torch import nn

from senet.accounting import cost
from senet.errors import UsageError


def price_of(model: nn.Module, image: tuple[int, ...]) -> dict[str, int]:
    """Return parameters, and multiply-adds of one image where every operator can be counted; senet cost says why not.

    Args:
        model: Takes such images.
        image: (C, H, W).
    """
    try:
        price = cost(model, image)
    except UsageError:
        return {"parameters": sum(parameter.numel() for parameter in model.parameters())}
    adds = {} if price.uncounted else {"multiply_adds": price.multiply_adds}
    return {"parameters": price.parameters, **adds}
