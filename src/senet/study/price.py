"""What each variant's network costs."""

from dataclasses import dataclass

from senet.accounting import Cost, cost, uncounted_text
from senet.data import Feed
from senet.study.latency import latencies
from senet.study.plan import Plan


@dataclass(frozen=True)
class Price:
    """What a variant's network costs.

    Args:
        parameters: Trainable.
        multiply_adds: Of one image, of the size that its recipe asks for.
        latency_ms: Median forward time of one image, or None.
        uncounted: What multiply-adds lack, a sentence; empty if nothing.
    """

    parameters: int
    multiply_adds: int
    latency_ms: float | None
    uncounted: str = ""


def prices(plan: Plan, feed: Feed) -> dict[str, Price]:
    """Count and time every variant; to be called while nothing else runs."""
    variants = plan.variants.items()
    models = {name: variant.begin(plan.network, plan.start, feed).model for name, variant in variants}
    images = {name: variant.image(plan.recipe, feed) for name, variant in variants}
    times = latencies(models, images, plan.recipe.threads)
    counts = {name: cost(model, images[name]) for name, model in models.items()}
    return {name: _price(counts[name], times[name]) for name in models}


def _price(counted: Cost, milliseconds: float | None) -> Price:
    return Price(counted.parameters, counted.multiply_adds, milliseconds, uncounted_text(counted.uncounted))
