"""What was found of the gates, in sentences that have their numbers in them."""

from collections.abc import Iterable

from senet.excitation.page.report_words import estimate, number, share
from senet.excitation.summary import Excitation, GateSummary
from senet.utils.text import counted, printable

_NAMED = 4
_MUCH = 0.5


def findings(found: Excitation) -> list[str]:
    """Return the sentences, the most telling first; what is not there is not mentioned."""
    sentences = (_specific(found), _saturated(found), _constant(found), _left_out(found), _silent(found), _slow(found))
    return [sentence for sentence in sentences if sentence]


def _specific(found: Excitation) -> str:
    known = sorted((g for g in found.gates if g.specificity.value == g.specificity.value), key=_specificity)
    if not known:
        return "No gate has a specificity on these images." if found.gates else ""
    least, most = known[0], known[-1]
    sentence = (
        f"{printable(most.name)} tells classes apart most: {estimate(most.specificity)} of its variance over images"
    )
    sentence += " lies between classes"
    if least is not most:
        sentence += f"; {printable(least.name)} least: {estimate(least.specificity)}"
    apart = sum(gate.specificity.low > 0 for gate in known)
    return f"{sentence}. The interval lies above zero for {apart} of {counted(len(found.gates), 'gate')}."


def _specificity(gate: GateSummary) -> float:
    return gate.specificity.value


def _saturated(found: Excitation) -> str:
    known = [gate for gate in found.gates if gate.saturated == gate.saturated]
    much = sorted((gate for gate in known if gate.saturated >= _MUCH), key=lambda gate: -gate.saturated)
    if much:
        each = _listed(f"{printable(gate.name)} {_ends(gate)}" for gate in much)
        return f"Saturated, half or more of the values within 1% of an end of the range: {each}."
    if not known:
        return ""
    most = max(known, key=lambda gate: gate.saturated)
    if not most.saturated:
        return "No gate is saturated: no value lies at an end of its range."
    return (
        f"No gate is saturated: at most {share(most.saturated)} of the values lie at an end, in {printable(most.name)}."
    )


def _ends(gate: GateSummary) -> str:
    return f"({share(gate.saturated_low)} at {number(gate.low)}, {share(gate.saturated_high)} at {number(gate.high)})"


def _constant(found: Excitation) -> str:
    if len(found.images) < 2:
        return "One image is too few to say how values vary over images." if found.images else ""
    still = sorted((gate for gate in found.gates if gate.constant > 0), key=lambda gate: -gate.constant)
    each = _listed(f"{share(gate.constant)} of {printable(gate.name)}" for gate in still)
    return f"The same for every image: {each}." if still else ""


def _left_out(found: Excitation) -> str:
    faulty = [gate for gate in found.gates if gate.not_finite]
    each = _listed(f"{counted(gate.not_finite, 'image')} in {printable(gate.name)}" for gate in faulty)
    return f"Left out, with NaN or infinite values: {each}." if faulty else ""


def _silent(found: Excitation) -> str:
    return f"Did not run, and is not counted: {_listed(map(printable, found.silent))}." if found.silent else ""


def _slow(found: Excitation) -> str:
    slow = [printable(gate.name) for gate in found.gates if gate.slow]
    return f"Read slowly, operator by operator, as no module returns it: {_listed(slow)}." if slow else ""


def _listed(parts: Iterable[str]) -> str:
    """Return the first few with commas, and how many more there are."""
    every = list(parts)
    more = [f"{len(every) - _NAMED} more"] if len(every) > _NAMED else []
    return ", ".join([*every[:_NAMED], *more])
