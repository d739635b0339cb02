"""From trials to the table: group by variant, pair by seed, compare with the baseline."""

import math
import statistics
from collections.abc import Sequence

from senet.page.head import Verdict
from senet.study.plan import Plan
from senet.study.statistics.paired import compare_with_baseline, mean_interval
from senet.study.statistics.verdict import verdicts
from senet.study.summary import Comparison, Summary, TrialResult, VariantRow
from senet.study.trials.cost import VariantCost


def summarise(
    plan: Plan,
    results: list[TrialResult],
    costs: dict[str, VariantCost],
    settings: dict[str, object],
    environment: dict[str, object],
) -> Summary:
    """Put the table together.

    Args:
        plan: Gives variants and baseline.
        results: The finished trials, in the plan's order.
        costs: By variant.
        settings: Shown in the report.
        environment: Shown in the report.
    """
    comparisons = compare_with_baseline(paired_differences(list(plan.variants), results))
    rows = tuple(_row(variant, results, comparisons.get(variant), costs[variant]) for variant in plan.variants)
    lacking = tuple(
        Verdict(f"The multiply-adds of {row.variant} are not complete.", row.uncounted) for row in rows if row.uncounted
    )
    sentences = (*verdicts(plan.baseline, comparisons), *lacking)
    title = f"{plan.network} on {plan.data.source}"
    return Summary(
        title, rows, sentences, tuple(results), settings, environment, heading=plan.heading, notes=plan.notes
    )


def paired_differences(variants: Sequence[str], results: list[TrialResult]) -> dict[str, dict[int, float]]:
    """Return, for each variant but the first, its accuracy minus the first's by seed, where both finished."""
    scores = {(result.variant, result.seed): result.accuracy for result in results}
    seeds = sorted({seed for _, seed in scores})
    return {
        variant: {
            seed: scores[variant, seed] - scores[variants[0], seed]
            for seed in seeds
            if (variant, seed) in scores and (variants[0], seed) in scores
        }
        for variant in variants[1:]
    }


def _row(variant: str, results: list[TrialResult], comparison: Comparison | None, price: VariantCost) -> VariantRow:
    own = [result for result in results if result.variant == variant]
    seconds = [result.seconds for result in own]
    return VariantRow(
        variant=variant,
        n=len(own),
        accuracy=mean_interval([result.accuracy for result in own]),
        comparison=comparison,
        parameters=price.parameters,
        multiply_adds=price.multiply_adds,
        uncounted=price.uncounted,
        latency_ms=price.latency_ms,
        train_seconds=statistics.median(seconds) if seconds else math.nan,
    )
