"""What each variant's network costs."""

from dataclasses import dataclass

from senet.accounting import cost
from senet.data import Dataset
from senet.study.latency import latencies
from senet.study.plan import Plan


@dataclass(frozen=True)
class Price:
    """What a variant's network costs.

    Args:
        parameters: Trainable.
        multiply_adds: Of one image.
        latency_ms: Median forward time of one image, or None.
    """

    parameters: int
    multiply_adds: int
    latency_ms: float | None


def prices(plan: Plan, data: Dataset) -> dict[str, Price]:
    """Count and time every variant; to be called while nothing else runs."""
    variants = plan.variants.items()
    models = {name: variant.begin(plan.network, plan.start, data).model for name, variant in variants}
    times = latencies(models, data, plan.recipe.threads)
    counts = {name: cost(model, (data.channels, *data.size)) for name, model in models.items()}
    return {name: Price(counts[name].parameters, counts[name].multiply_adds, times[name]) for name in models}
