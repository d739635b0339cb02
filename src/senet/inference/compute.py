"""How a network is computed; as plain values, which a recipe and a command's flags are made of without torch."""

from dataclasses import dataclass
from typing import Literal

Precision = Literal["float32", "bf16", "fp16"]


@dataclass(frozen=True)
class Compute:
    """How a network is computed.

    Args:
        precision: ``float32``, or ``bf16`` or ``fp16`` autocast.
        channels_last: Memory layout of the images.
    """

    precision: Precision = "float32"
    channels_last: bool = True
