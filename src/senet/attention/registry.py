"""The table of public specs, a line each: what parse() reads, what senet exports, what every text that lists them says.

Each is checked when this file is imported; what its block promises is checked by the catalogue of the tests.
"""

from typing import Any

from senet.attention.cbam import CBAM as CBAM
from senet.attention.efficient_channel import ECA as ECA
from senet.attention.global_context import GC as GC
from senet.attention.selective_kernel import SK as SK
from senet.attention.spec import check_declarations, is_spec
from senet.attention.squeeze_excite import SE as SE
from senet.errors import UsageError

# Every class that the lines above name, so that one that is no dataclass is refused, not passed over.
_FOUND = [k for k in globals().values() if isinstance(k, type) and k.__module__.startswith("senet.attention.")]
SPECS: dict[str, Any] = {
    kind.__name__: check_declarations(kind) for kind in sorted(_FOUND, key=lambda kind: kind.__name__)
}


def spec_names(slot: str | None = None) -> str:
    """Return the public specs as they are called, ``SE(), CBAM()``; those of one slot, or all."""
    return ", ".join(f"{name}()" for name, kind in SPECS.items() if slot in (None, kind.slot))


def require_spec(spec: object) -> None:
    """Refuse what is no spec.

    Raises:
        UsageError: It is none; names those that there are.
    """
    if not is_spec(spec):
        do = f"pass one of {spec_names()}, called, or a spec of your own"
        raise UsageError(f"{spec!r} is no attention spec", do=do)
