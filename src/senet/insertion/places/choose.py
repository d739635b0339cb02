"""Which of a model's places are meant: a strategy of the paper, or a glob over module names; and in which stages."""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from torch.jit import ScriptModule

from senet.attention import AttentionSpec
from senet.errors import UsageError, did_you_mean
from senet.insertion.places.anchors import After
from senet.insertion.places.place import STRATEGIES, Kernel, Place
from senet.insertion.places.survey import Survey
from senet.insertion.places.tokens import makes_tokens
from senet.utils.modules import common_prefix
from senet.utils.one_or_many import as_tuple
from senet.utils.text import counted

GLOB = "name modules by a glob, where= (--where)"


def choose_places(survey: Survey, spec: AttentionSpec, where: str, stages: int | Collection[int] | None) -> list[Place]:
    """Return the places that are meant, in the order of computation.

    Args:
        survey: Of the model.
        spec: A convolution spec's standard place is the 3x3 convolution.
        where: A strategy, or a glob.
        stages: The stages to keep, all if None.

    Raises:
        UsageError: There are none, or some that are meant cannot carry a block.
    """
    stages = None if stages is None else as_tuple("stages", stages, int)
    if where not in STRATEGIES:
        return _in_stages(_by_glob(survey, where), stages)
    if survey.transformer:
        raise _adds_tokens(survey, where)
    strategy = "conv3x3" if spec.slot == "convolution" and where == "standard" else where
    found = [p for p in survey.places if p.strategy == strategy and (survey.only_convolutions or p.kind != "conv")]
    lacking = [name for s, stage, name in survey.missing if s == strategy and (stages is None or stage in stages)]
    if lacking:
        raise _lacks(strategy, lacking, found)
    if not found:
        raise _no_place(survey, strategy)
    return _in_stages(found, stages)


def patch_embeddings(survey: Survey, chosen: list[Place]) -> list[str]:
    """Return the names of the places whose map becomes the tokens: patch embeddings."""
    calls = survey.graph.calls
    lone = (place for place in chosen if place.kind in ("conv", "module") and place.name in calls)
    returned = ((place.name, calls[place.name].returned) for place in lone)
    return [name for name, value in returned if value and value.is_map and makes_tokens(value, survey.tokens)]


def embedding_note(survey: Survey, chosen: list[Place]) -> str:
    """Say which places are patch embeddings, and what no block weighs; empty where none is."""
    names = patch_embeddings(survey, chosen)
    if not names:
        return ""
    which = "the only place" if len(chosen) == 1 else f"{len(names)} of {len(chosen)} places"
    what = "is the patch embedding" if len(names) == 1 else "are patch embeddings"
    alone = f", and none of the {counted(len(survey.tokens), 'residual sum')} of tokens that follow has a block"
    said = f"{which} {what}, {_some(names)}: a convolution whose map becomes the tokens"
    return said + (alone if len(names) == len(chosen) else "")


def _adds_tokens(survey: Survey, where: str) -> UsageError:
    sums, embedding = survey.tokens, _embedding(survey)
    first, last = sums[0].shape, sums[-1].shape
    glob = f'name a module by a glob, where="{embedding}" (--where {embedding}), or ' if embedding else ""
    return UsageError(
        f"where={where!r}: this is a transformer, or of its kind: it adds up tokens {first}"
        f"{'' if first == last else f' to {last}'} in {counted(len(sums), 'residual sum')}, and none of its units has "
        f"a map {survey.graph.layout} that a block could weigh",
        do=f"{glob}take a convolutional network",
    )


def _embedding(survey: Survey) -> str:
    """Return the name of the last module that a map leaves before tokens are added up; empty if there is none."""
    calls, first = survey.graph.calls, survey.tokens[0].index
    standard = [place.name for place in survey.places if place.strategy == "standard"]
    made = [name for name in standard if (value := calls[name].returned) and value.index < first]
    return made[-1] if made else ""


def _lacks(strategy: str, lacking: list[str], found: list[Place]) -> UsageError:
    return UsageError(
        f"where={strategy!r}: {counted(len(lacking), 'unit')} of {len(lacking) + len(found)} have no module "
        "to attach a block to there",
        where=_some(lacking),
        do="choose stages= without them (--stages), another strategy, or a glob over modules such as "
        "where='layer[34].*.bn3' (--where 'layer[34].*.bn3')",
    )


def _no_place(survey: Survey, strategy: str) -> UsageError:
    known = dict.fromkeys(p.strategy for p in survey.places if p.kind != "conv" and p.strategy)
    return UsageError(
        f"where={strategy!r}: this network has no unit with such a place",
        do=f"it has {', '.join(known)}; or {GLOB}" if known else GLOB,
    )


def _in_stages(found: list[Place], stages: Collection[int] | None) -> list[Place]:
    if stages is None:
        return found
    known = sorted({place.stage for place in found if place.stage is not None})
    unknown = sorted(set(stages) - set(known))
    if unknown or not stages:
        raise UsageError(
            f"stages={tuple(stages)}: no place in stage {', '.join(map(str, unknown)) or '(none given)'}",
            do=f"the network's stages are {', '.join(map(str, known))}, numbered as in the paper (2 is conv2_x)",
        )
    return [place for place in found if place.stage in stages]


def _by_glob(survey: Survey, glob: str) -> list[Place]:
    graph = survey.graph
    matched = [name for name in graph.modules if name and fnmatchcase(name, glob)]
    if not matched:
        candidates = (f"{p.name} ({p.channels} channels)" for p in survey.places if p.strategy == "standard")
        raise UsageError(
            f"where={glob!r} is no strategy ({', '.join(STRATEGIES)}) and matches no module",
            where=f"candidates: {_some(candidates)}",
            do=did_you_mean(glob, [*STRATEGIES, *(p.name for p in survey.places)])
            if "*" not in glob
            else "quote the glob, and compare it with the names above",
        )
    wrong = {name: reason for name in matched if (reason := _unfit(survey, name))}
    if wrong:
        raise UsageError(
            f"where={glob!r} matches {counted(len(wrong), 'module')} that cannot carry a block",
            where="; ".join(f"{name}: {reason}" for name, reason in [*wrong.items()][:5]),
            do="narrow the glob, or name a module inside or around that returns one map "
            f"{graph.layout} once per forward",
        )
    return list(dict.fromkeys(_place(survey, name) for name in matched))


def _unfit(survey: Survey, name: str) -> str:
    call = survey.graph.calls.get(name)
    if call is None:
        return "is TorchScript" if isinstance(survey.graph.modules[name], ScriptModule) else "never ran on the example"
    if call.count > 1:
        return f"runs {call.count} times in one forward"
    if call.returned is None:
        return f"returns a {call.kind}, not a tensor"
    if call.returned.last:
        return f"returns {call.returned.shape}, its channels last"
    if not call.returned.is_map:
        return f"returns {call.returned.shape}, not {survey.graph.layout}"
    if survey.anchors.after(call.returned, lambda v: False) is None:
        return "is a container that ends in a module which runs more than once"
    return ""


def _place(survey: Survey, name: str) -> Place:
    """Place a block after a module, or, if that is a container, after the module inside that it ends in."""
    returned, anchors = survey.graph.calls[name].returned, survey.anchors
    assert returned is not None
    anchor = After(name) if anchors.fits(name) else anchors.after(returned, lambda v: False)
    assert anchor is not None
    _, channels, *size = returned.shape
    kernel = _kernel(survey, name)
    owner = anchors.owner(anchor, kernel.module if kernel else None)
    return Place(anchor.module, owner, "module", None, _stage(survey, name), channels, tuple(size), anchor, kernel)


def _stage(survey: Survey, name: str) -> int | None:
    """Return the stage of the unit that a module belongs to: the one whose place shares most of its name."""
    paths = [(len(common_prefix([place.name.split("."), name.split(".")])), place.stage) for place in survey.places]
    depth, stage = max(paths, key=lambda path: path[0], default=(0, None))
    return stage if depth else None


def _kernel(survey: Survey, name: str) -> Kernel | None:
    return next((p.kernel for p in survey.places if p.kernel and name in (p.kernel.module, p.name)), None)


def _some(names: Iterable[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
