"""Whose weights these are, by the names of the tensors."""

from senet.errors import UsageError, WeightsError, did_you_mean
from senet.weights.files.read import LoadedStateDict, WeightsSource
from senet.weights.sources import cadene, caffe, cbam, timm, torchvision
from senet.weights.sources.dialect import Dialect, renaming

# Our own files say the geometry themselves. The head is no mark: of most networks it is the classifier alone, and that
# may be left out.
SENET_DIALECT = Dialect("our own networks", (r"^stem\.", r"^stage2\."), renaming(()))

# The order matters where two sources share their names: timm's plain ResNets are torchvision's, its legacy
# SENets are Cadene's, and either way the same tensors become the same network.
SOURCES: dict[WeightsSource, tuple[Dialect, ...]] = {
    "senet": (SENET_DIALECT,),
    "caffe": caffe.DIALECTS,
    "cbam": cbam.DIALECTS,
    "cadene": cadene.DIALECTS,
    "torchvision": torchvision.DIALECTS,
    "timm": timm.DIALECTS,
}


def detect_source(state: LoadedStateDict) -> tuple[WeightsSource, Dialect]:
    """Find the source and its names for the family.

    Args:
        state: The weights, and whose they are said to be; else their names tell.

    Raises:
        UsageError: No such source.
        WeightsError: The names are not the source's or, without one, nobody's that we know; or the source's
            network is one that we do not have.
    """
    source = state.source
    if source is not None and source not in SOURCES:
        raise UsageError(f"no source of weights is called {source!r}", do=did_you_mean(source, SOURCES))
    names = list(state.tensors)
    fitting = [(s, d) for s in ([source] if source else SOURCES) for d in SOURCES[s] if d.fits(names)]
    if not fitting:
        raise _unknown(state, source)
    found, dialect = max(fitting, key=lambda pair: len(pair[1].marks))  # the most particular, the first of equals
    reason = dialect.refuse(state)
    if reason:
        raise WeightsError(reason, where=state.where, do="the page of networks lists the weights that fit")
    return found, dialect


def _unknown(state: LoadedStateDict, source: WeightsSource | None) -> WeightsError:
    shown = ", ".join(list(state.tensors)[:3])
    if source is None:
        known = "; ".join(f"{name} ({d.family})" for name, dialects in SOURCES.items() for d in dialects)
        return WeightsError(
            f"the names are of no source that we know: {shown}, ...", where=state.where, do=f"known sources: {known}"
        )
    families = " or ".join(dialect.family for dialect in SOURCES[source])
    return WeightsError(
        f"the names are not of {families}: {shown}, ...",
        where=state.where,
        do="leave source out to have it recognised, or name another",
    )
