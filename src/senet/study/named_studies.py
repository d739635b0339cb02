"""The papers' ablations by name: variants over a base, and what the paper printed for them.

Any of them runs on any data set and base network. ``none`` is the base without attention; a study without it
compares with the paper's own choice, which stands first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from senet.attention import CBAM, SE, SK
from senet.errors import UsageError, did_you_mean
from senet.models import Placement
from senet.study import published_errors
from senet.study.summary import LeftOutTrial, PublishedRow, Summary
from senet.study.variant import Variant
from senet.training import Recipe

BASE = "resnet11b"
"""Bottlenecks on small images, whose widths take every variant here."""


@dataclass(frozen=True)
class Study:
    """An ablation.

    Args:
        question: What it asks.
        source: Paper and table.
        variants: By name; the first is the baseline.
        published: The paper's rows.
        curve: Variants in the order of the scale; empty where there is none.
    """

    question: str
    source: str
    variants: Mapping[str, Variant]
    published: tuple[PublishedRow, ...] = ()
    curve: tuple[str, ...] = ()


def get_study(name: str) -> Study:
    """Look an ablation up.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in STUDIES:
        raise UsageError(f"no study is called {name!r}", do=did_you_mean(name, STUDIES))
    return STUDIES[name]


def with_published_rows(summary: Summary, of: Study | None, left_out: tuple[LeftOutTrial, ...]) -> Summary:
    """Put beside a summary what the paper printed, and what no number counts."""
    if of is None:
        return replace(summary, left_out=left_out)
    return replace(summary, left_out=left_out, published=of.published, order=of.curve)


def se_at(where: str) -> Variant:
    """SE at another place of the unit."""
    return Variant(SE.paper(), Placement(where))


def se_in_stages(*stages: int) -> Variant:
    """SE in some stages alone."""
    return Variant(SE.paper(), Placement(stages=stages))


def sk_kernels(*dilations: int, selection: bool = False) -> Variant:
    """Branches of 3x3 with these dilations, under a softmax or summed."""
    return Variant(SK(branches=len(dilations), dilations=dilations, selection="softmax" if selection else "none"))


def sk_beside_3x3(size: int, dilation: int, groups: int) -> Variant:
    """SK with a 3x3 and one branch more; groups are a quarter of the paper's, as the widths of the base are."""
    return Variant(SK(kernels=(3, size), dilations=(1, dilation), groups=(8, groups)))


def late_frozen_norms(recipe: Recipe) -> Recipe:
    """Freeze batch norm for the last fifth of the epochs, as the authors did at the end of SENet-154's training."""
    return replace(recipe, freeze_norms_from=recipe.epochs - max(1, recipe.epochs // 5) + 1)


NONE = Variant()
STUDIES: dict[str, Study] = {
    "reduction": Study(
        "How narrow may the gate's hidden layer be?",
        f"{published_errors.SENET}, table 10",
        {"none": NONE} | {f"r={r}": Variant(SE.paper(r)) for r in (2, 4, 8, 16, 32)},
        published_errors.REDUCTION,
        curve=("r=2", "r=4", "r=8", "r=16", "r=32"),
    ),
    "squeeze": Study(
        "Average or maximum as the channel's descriptor?",
        f"{published_errors.SENET}, table 11",
        {"avg": Variant(SE.paper()), "max": Variant(replace(SE.paper(), squeeze="max"))},
        published_errors.SQUEEZE,
    ),
    "excitation": Study(
        "Which function ends the gate?",
        f"{published_errors.SENET}, table 12",
        {gate: Variant(replace(SE.paper(), gate=gate)) for gate in ("sigmoid", "tanh", "relu")},
        published_errors.EXCITATION,
    ),
    "stages": Study(
        "In which stages does attention pay?",
        f"{published_errors.SENET}, table 13; leaving the last stage out is section 6.4's",
        {
            "none": NONE,
            "stage 2": se_in_stages(2),
            "stage 3": se_in_stages(3),
            "stage 4": se_in_stages(4),
            "all but the last": Variant(SE.paper(), Placement(last=False)),
            "all": Variant(SE.paper()),
        },
        published_errors.STAGES,
        curve=("stage 2", "stage 3", "stage 4", "all but the last", "all"),
    ),
    "integration": Study(
        "Where in the residual unit does the block go?",
        f"{published_errors.SENET}, table 14 and figure 5",
        {"standard": Variant(SE.paper()), "pre": se_at("pre"), "post": se_at("post"), "identity": se_at("identity")},
        published_errors.INTEGRATION,
    ),
    "conv3x3": Study(
        "After the whole branch, or inside it after the 3x3 convolution?",
        f"{published_errors.SENET}, table 15",
        {"SE": Variant(SE.paper()), "SE at the 3x3": se_at("conv3x3")},
        published_errors.CONV3X3,
    ),
    "no-squeeze": Study(
        "Is it the parameters, or the view of the whole map?",
        f"{published_errors.SENET}, table 16",
        {"none": NONE, "NoSqueeze": Variant(replace(SE.paper(), squeeze="none")), "SE": Variant(SE.paper())},
        published_errors.NO_SQUEEZE,
    ),
    "sk-branches": Study(
        "Which kernels, and does choosing between them beat their sum?",
        f"{published_errors.SKNET}, table 7",
        {
            "K3": sk_kernels(1),
            "K5": sk_kernels(2),
            "K7": sk_kernels(3),
            "K3+K5": sk_kernels(1, 2),
            "SK(K3, K5)": sk_kernels(1, 2, selection=True),
            "K3+K7": sk_kernels(1, 3),
            "SK(K3, K7)": sk_kernels(1, 3, selection=True),
            "K5+K7": sk_kernels(2, 3),
            "SK(K5, K7)": sk_kernels(2, 3, selection=True),
            "K3+K5+K7": sk_kernels(1, 2, 3),
            "SK(K3, K5, K7)": sk_kernels(1, 2, 3, selection=True),
        },
        published_errors.SK_BRANCHES,
    ),
    "sk-dilation": Study(
        "A dilated 3x3, or a true larger kernel with more groups, as the second branch?",
        f"{published_errors.SKNET}, table 6",
        {
            "3x3, D=2": sk_beside_3x3(3, 2, 8),
            "3x3, D=1": sk_beside_3x3(3, 1, 8),
            "3x3, D=3": sk_beside_3x3(3, 3, 8),
            "5x5": sk_beside_3x3(5, 1, 16),
            "7x7": sk_beside_3x3(7, 1, 32),
        },
        published_errors.SK_DILATION,
    ),
    "cbam-channel": Study(
        "Which descriptors does the channel gate need?",
        f"{published_errors.CBAM}, table 1",
        {"none": NONE} | {pool: Variant(CBAM(channel=pool, spatial="none")) for pool in ("avg", "max", "both")},
        published_errors.CBAM_CHANNEL,
    ),
    "cbam-spatial": Study(
        "Pooled maps or a 1x1 convolution for the spatial gate, and how wide a kernel?",
        f"{published_errors.CBAM}, table 2",
        {
            "channel alone": Variant(CBAM(spatial="none")),
            "conv, k=3": Variant(CBAM(spatial="conv", kernel_size=3)),
            "conv, k=7": Variant(CBAM(spatial="conv")),
            "pool, k=3": Variant(CBAM(kernel_size=3)),
            "pool, k=7": Variant(CBAM()),
        },
        published_errors.CBAM_SPATIAL,
    ),
    "cbam-order": Study(
        "Channel first, space first, or both at once?",
        f"{published_errors.CBAM}, table 3",
        {
            "channel, spatial": Variant(CBAM()),
            "spatial, channel": Variant(CBAM(order="spatial-channel")),
            "parallel": Variant(CBAM(order="parallel")),
            "channel only (SE)": Variant(SE.paper()),
        },
        published_errors.CBAM_ORDER,
    ),
    "family": Study(
        "Which attention, if any?",
        "the papers' own comparisons: SENet's table 2, CBAM's table 4, SKNet's table 2",
        {"none": NONE, "SE": Variant(SE.paper()), "CBAM": Variant(CBAM()), "SK": Variant(SK())},
        published_errors.FAMILY,
    ),
    "head": Study(
        "Do the remedies for overfitting that the authors used help a network with SE?",
        "SENet-154's recipe, Hu et al., arXiv 1709.01507v4, appendix",
        {
            "SE": Variant(SE.paper()),
            "dropout 0.2": Variant(SE.paper(), change=lambda recipe: replace(recipe, dropout=0.2)),
            "label smoothing 0.1": Variant(SE.paper(), change=lambda recipe: replace(recipe, label_smoothing=0.1)),
            "frozen norms": Variant(SE.paper(), change=late_frozen_norms),
        },
    ),
}
