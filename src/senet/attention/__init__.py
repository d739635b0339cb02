"""Channel attention: one paper, one file; a block with explicit widths and a spec with the paper's sizing.

Specs are all here; the class of a block is in its paper's file.
"""

from senet.attention.cbam import ChannelGate, ConvBlockAttention, SpatialGate
from senet.attention.contract import AttentionBlock, Effect, has_gate, is_attention
from senet.attention.identity_init import UnitGate, unit_gate
from senet.attention.notation import from_dict, parse, to_dict
from senet.attention.recalibrate import attend, recalibrate
from senet.attention.registry import *  # noqa: F403  # a new spec is a line of the table and none here
from senet.attention.registry import SPECS, require_spec, spec_names
from senet.attention.selective_kernel import SelectiveKernel, SummedKernels
from senet.attention.spec import AttentionSpec, ConvSpec, GateSpec, build_convolution, build_gate
from senet.attention.squeeze_excite import SqueezeExcite

__all__ = [
    "SPECS",
    "AttentionBlock",
    "AttentionSpec",
    "ChannelGate",
    "ConvBlockAttention",
    "ConvSpec",
    "Effect",
    "GateSpec",
    "SelectiveKernel",
    "SpatialGate",
    "SqueezeExcite",
    "SummedKernels",
    "UnitGate",
    "attend",
    "build_convolution",
    "build_gate",
    "from_dict",
    "has_gate",
    "is_attention",
    "parse",
    "recalibrate",
    "require_spec",
    "spec_names",
    "to_dict",
    "unit_gate",
    *SPECS,
]
