"""Channel attention: one paper, one file; a block with explicit widths and a spec with the paper's sizing."""

from senet.attention.cbam import CBAM, ChannelGate, ConvBlockAttention, SpatialGate
from senet.attention.notation import from_dict, parse, to_dict
from senet.attention.recalibrate import recalibrate
from senet.attention.selective_kernel import SK, SelectiveKernel, SummedKernels
from senet.attention.spec import AttentionSpec, ConvSpec, Gate, GateSpec, has_gate
from senet.attention.squeeze_excite import SE, SqueezeExcite

__all__ = [
    "CBAM",
    "SE",
    "SK",
    "AttentionSpec",
    "ChannelGate",
    "ConvBlockAttention",
    "ConvSpec",
    "Gate",
    "GateSpec",
    "SelectiveKernel",
    "SpatialGate",
    "SqueezeExcite",
    "SummedKernels",
    "from_dict",
    "has_gate",
    "parse",
    "recalibrate",
    "to_dict",
]
