"""What each variant's network costs."""

from dataclasses import dataclass

from senet.accounting import cost
from senet.data import Feed
from senet.study.latency import latencies
from senet.study.plan import Plan
from senet.study.variant import Variant


@dataclass(frozen=True)
class Price:
    """What a variant's network costs.

    Args:
        parameters: Trainable.
        multiply_adds: Of one image, of the size that its recipe asks for.
        latency_ms: Median forward time of one image, or None.
    """

    parameters: int
    multiply_adds: int
    latency_ms: float | None


def prices(plan: Plan, feed: Feed) -> dict[str, Price]:
    """Count and time every variant; to be called while nothing else runs."""
    variants = plan.variants.items()
    models = {name: variant.begin(plan.network, plan.start, feed).model for name, variant in variants}
    images = {name: _image(plan, variant, feed) for name, variant in variants}
    times = latencies(models, images, plan.recipe.threads)
    counts = {name: cost(model, images[name]) for name, model in models.items()}
    return {name: Price(counts[name].parameters, counts[name].multiply_adds, times[name]) for name in models}


def _image(plan: Plan, variant: Variant, feed: Feed) -> tuple[int, int, int]:
    """Return channels, height and width of a variant's input: its recipe's views may have a size of their own."""
    views, (channels, height, width) = variant.change(plan.recipe).views, feed.transform.shape
    return (channels, height, width) if views is None else (channels, views.size, views.size)
