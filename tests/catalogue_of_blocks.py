"""The catalogue of attention blocks: a small spec of each public one, and what is known of it beside the contract.

Every test that is of all blocks takes them from here: contract, bad input, notation, initialisation, cost, decay,
insertion, preserve, saving, studies, export. A new block is one row; a choice of its spec needs none.
"""

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from senet.attention import SPECS, build_convolution, build_gate, parse

CHANNELS = 8


@dataclass(frozen=True)
class Row:
    """One block.

    Args:
        text: Of a spec for maps of eight channels and more.
        also: Texts of specs beside those that differ from it in one choice.
        silent: Ends of names of parameters that get no gradient, ever, by the equations.
        late: Layers that get none in the first step, as the authors initialise the block.
        stays: Why it cannot start as the identity, a part of the message; empty where it can.
        unfolded: Why nothing can be folded of the spec that starts as the identity, a part of the message.
        axes: Numbers of spatial axes that it takes.
    """

    text: str
    also: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    stays: str = ""
    unfolded: str = ""
    axes: tuple[int, ...] = (1, 2, 3)

    @property
    def spec(self):
        """The spec itself."""
        return parse(self.text)

    @property
    def variants(self):
        """The spec, and every one that differs from it in one of its choices."""
        found = [self.spec]
        for field in fields(self.spec):
            hint = get_type_hints(type(self.spec))[field.name]
            values = get_args(hint) if get_origin(hint) is Literal else (True, False) if hint is bool else ()
            found += [replace(self.spec, **{field.name: value}) for value in values]
        return tuple(dict.fromkeys([*found, *map(parse, self.also)]))


SK_ALSO = (
    *(f"SK(groups=2, reduction=2, minimum=4, branches={m})" for m in (1, 3)),
    *(f"SK(groups=2, reduction=2, minimum=4, kernels={kernels})" for kernels in ((3, 3), (1, 3, 5, 7))),
    *("SK(groups=2, reduction=2, minimum=4, dilations=(1, 3))", "SK(groups=(1, 4), reduction=2, minimum=4)"),
    "SK(groups=2, reduction=2, minimum=4, hidden=((8, 3),))",
)
ROWS = (
    Row(
        "SE(reduction=4)",
        also=("SE(reduction=4, norm=True, squeeze='none')", "SE.timm(reduction=4)", "SE.paper(reduction=4)"),
    ),
    Row("CBAM(reduction=4)", late=("spatial.conv", "spatial.compress"), unfolded="no rescale_input", axes=(2,)),
    Row("SK(groups=2, reduction=2, minimum=4)", also=SK_ALSO, stays="cannot start at one|adds convolutions", axes=(2,)),
    Row("ECA()", also=("ECA(kernel_size=5)", "ECA(kernels=((8, 1),))")),
    Row("GC(reduction=2)", silent=("pool.mask.bias",), late=("pool.mask", "transform.fc1", "transform.norm")),
)
BY_KIND = {type(row.spec): row for row in ROWS}
LACKING = [name for name, kind in SPECS.items() if kind not in BY_KIND]
assert not LACKING, f"a row is missing: {', '.join(LACKING)}"

OWN = parse("own_gate:OwnGate(k=3)")  # a block of the user's own module


def row_of(spec):
    """Return the row that a spec is of."""
    return BY_KIND[type(spec)]


def silent_of(spec):
    """Return the ends of names of parameters that get no gradient, ever."""
    if getattr(spec, "branches", 2) == 1:  # one branch has the weight 1 whatever its logits
        return tuple(f"{layer}.{key}" for layer in ("fc1", "bn1", "fc2") for key in ("weight", "bias"))
    return row_of(spec).silent if type(spec) in BY_KIND else ()


def build(spec, channels=CHANNELS):
    """Build a spec's block, for as many channels in as out."""
    return build_gate(spec, channels) if spec.slot == "gate" else build_convolution(spec, channels, channels, 1)


def each(specs):
    """Run a test for each of some specs."""
    return pytest.mark.parametrize("spec", dict.fromkeys(specs), ids=repr)


def each_of(specs, fast):
    """Run a test for each of some specs; those that are not in ``fast`` are of the slow tier."""
    marked = [pytest.param(spec, marks=[] if spec in fast else pytest.mark.slow) for spec in dict.fromkeys(specs)]
    return pytest.mark.parametrize("spec", marked, ids=repr)


SMALL = tuple(row.spec for row in ROWS)  # one of each
VARIANTS = tuple(spec for row in ROWS for spec in row.variants)  # every choice
GATES = tuple(spec for spec in VARIANTS if spec.slot == "gate")
CONVOLUTIONS = tuple(spec for spec in VARIANTS if spec.slot == "convolution")
SMALL_GATES = tuple(spec for spec in SMALL if spec.slot == "gate")

each_block = each(SMALL)
each_variant = each(VARIANTS)
each_gate = each(GATES)
