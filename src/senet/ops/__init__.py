"""Passes over maps, taken together: what attention costs is reading and writing maps, not arithmetic.

The formulas stand in `senet.attention`; what is here computes the same in fewer passes, and is tested against them. On
CUDA the passes are Triton kernels where triton is installed and runs, unless the environment has ``SENET_TRITON=0``.
"""
