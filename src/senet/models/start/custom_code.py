"""A user's own block that is named where weights with it are opened: a permission to import it, no choice of slots."""

from torch import nn

from senet.attention import from_dict, parse
from senet.attention.custom import CustomSpec
from senet.attention.literals import shell_quoted
from senet.attention.trusted_code import UntrustedCodeError
from senet.errors import SenetError, UsageError
from senet.insertion import blocks
from senet.models.saved.record import SavedWeights
from senet.networks import Network


def specs_in_model(model: nn.Module) -> list[object]:
    """Return what is in a model's own slots and what was inserted into it, each once."""
    slots = model.spec.attention if isinstance(model, Network) and model.spec is not None else None
    found: list[object] = [*([] if slots is None else [slots]), *(block.spec for block in blocks(model).values())]
    return list(dict.fromkeys(found))


def records_spec(weights: SavedWeights, spec: object) -> bool:
    """Whether weights themselves say that they have a block of the user's own, which is named."""
    said = weights.state.metadata.attention
    groups = () if weights.record is None else weights.record.blocks
    try:
        found: list[object] = [from_dict(said)] if isinstance(said, dict) else []
        found += [parse(group.spec, imports=False) for group in groups]
    except SenetError:
        return False  # whoever opens them says what is wrong
    return isinstance(spec, CustomSpec) and spec in found


def require_spec_in_model(model: nn.Module, spec: CustomSpec, where: str) -> None:
    """Refuse a permission for what a model does not have: it would be without effect.

    Raises:
        UsageError: It lacks the block; says what it has.
    """
    found = specs_in_model(model)
    if spec in found:
        return
    named = [f"name what they have: --attention {shell_quoted(one)}" for one in found if isinstance(one, CustomSpec)]
    do = named[0] if named else "leave --attention out: they need no code"
    raise UsageError(f"the weights have no {spec}", where=where, do=do)


def as_it_is_remedy(model: nn.Module) -> str:
    """Say how a command takes a model with the attention that it has."""
    named = [
        f"name its own, --attention {shell_quoted(one)}, in"
        for one in specs_in_model(model)
        if isinstance(one, CustomSpec)
    ]
    return f"to take this one as it is, {[*named, 'leave --attention out of'][0]} senet train or cost"


def untrusted_cause(error: BaseException) -> UntrustedCodeError | None:
    """Return the error of code that nobody has named, which another error may be of."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, UntrustedCodeError):
        cause = cause.__cause__
    return cause
