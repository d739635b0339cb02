"""A gate that was found, and when it runs."""

from dataclasses import dataclass

from senet.excitation.recording.gates import Gate


@dataclass(frozen=True, eq=False)
class Found:
    """A gate in a recorded pass.

    Args:
        index: Of the values of the pass, that of its weights.
        gate: The gate.
    """

    index: int
    gate: Gate
