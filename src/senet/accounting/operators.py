"""What one ATen operator costs, from the shapes that went in and came out; conventions in :class:`Work`."""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor

from senet.accounting.multiply_adds import interpolated_samples, multiply_adds
from senet.accounting.records import Work

aten = torch.ops.aten

# Operators that touch no memory although their schema does not say so.
NO_COST = frozenset(
    {aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty, aten.new_empty_strided, aten._unsafe_view}
    | {aten.unsafe_split, aten.unsafe_split_with_sizes, aten.unsafe_chunk}
    | {aten._linalg_check_errors, aten._assert_async, aten._assert_scalar, aten.detach_}
)

# Operators that move data and compute nothing.
DATA_MOVEMENT = frozenset(
    {aten.cat, aten.stack, aten.clone, aten.copy, aten.copy_, aten._to_copy, aten.repeat, aten.roll, aten.flip}
    | {aten.constant_pad_nd, aten.reflection_pad1d, aten.reflection_pad2d, aten.reflection_pad3d}
    | {aten.replication_pad1d, aten.replication_pad2d, aten.replication_pad3d, aten.im2col, aten.col2im}
    | {aten.pixel_shuffle, aten.pixel_unshuffle, aten.native_channel_shuffle, aten.channel_shuffle}
    | {aten.index, aten.index_select, aten.gather, aten.embedding, aten.masked_fill, aten.masked_fill_, aten.where}
)

# Operators that write without reading; a tensor among their arguments only gives shape and type.
FACTORIES = frozenset(
    {aten.zeros, aten.zeros_like, aten.zero_, aten.new_zeros, aten.ones, aten.ones_like, aten.new_ones}
    | {aten.full, aten.full_like, aten.new_full, aten.fill, aten.fill_, aten.arange, aten.scalar_tensor}
)

# Operators that torch can also spell in Python, with arithmetic on indices that no kernel does.
NOT_DECOMPOSED = frozenset(
    {aten.native_batch_norm, aten.upsample_nearest1d, aten.upsample_nearest2d, aten.upsample_nearest3d}
    | {aten._upsample_nearest_exact1d, aten._upsample_nearest_exact2d, aten._upsample_nearest_exact3d}
    | {aten.upsample_linear1d, aten.upsample_bilinear2d, aten.upsample_bicubic2d, aten.upsample_trilinear3d}
    | {aten._upsample_bilinear2d_aa, aten._upsample_bicubic2d_aa}
)


def decompose(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a composite operator as the operators that it consists of; NotImplemented for any other."""
    return NotImplemented if func.overloadpacket in NOT_DECOMPOSED else func.decompose(*args, **kwargs)


def operator_work(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Work:
    """Return what a call of an operator costs, without parameters.

    Args:
        func: The ``OpOverload``.
        args: Its arguments.
        kwargs: Its keyword arguments.
        out: What it returned.
    """
    packet = func.overloadpacket
    if func.is_view or packet in NO_COST or torch.Tag.inplace_view in func.tags:
        return Work()
    read = [] if packet in FACTORIES else list(iter_tensors((args, kwargs)))
    written = list(iter_tensors(out[:1] if isinstance(out, tuple) else out))
    moved = sum(bytes_touched(t) for t in (*read, *written))
    if packet in DATA_MOVEMENT | FACTORIES:
        return Work(bytes_moved=moved)
    products = None if _sparse((*read, *written)) else multiply_adds(func, args, kwargs, out)
    if products is not None:
        return Work(multiply_adds=products, elementwise=interpolated_samples(func, args, out), bytes_moved=moved)
    if is_elementwise(func):
        return Work(elementwise=max((t.numel() for t in (*read, *written)), default=0), bytes_moved=moved)
    return Work(bytes_moved=moved, uncounted=1)


def _sparse(found: tuple[Tensor, ...]) -> bool:
    """Whether a product's work goes by the values that are there, which shapes do not tell."""
    return any(t.layout != torch.strided for t in found)


def iter_tensors(value: Any) -> Iterator[Tensor]:
    """Find the tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from iter_tensors(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from iter_tensors(item)


def bytes_touched(t: Tensor) -> int:
    """Bytes that lie behind a tensor; a broadcast axis (stride 0) has one element, what is sparse is not known."""
    if t.layout != torch.strided:
        return 0
    return t.element_size() * prod(size for size, stride in zip(t.shape, t.stride(), strict=True) if stride or not size)


ELEMENTWISE_TAGS = {torch.Tag.pointwise, torch.Tag.reduction}

_NORMS_AND_POOLS = """
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training _batch_norm_no_update
    native_layer_norm native_group_norm _fused_rms_norm _weight_norm_interface renorm
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d
    adaptive_max_pool3d max_pool2d_with_indices max_pool3d_with_indices fractional_max_pool2d fractional_max_pool3d
    max_unpool2d max_unpool3d adaptive_avg_pool2d adaptive_avg_pool3d
"""
_ACTIVATIONS = """
    _softmax _log_softmax _safe_softmax _masked_softmax softmax log_softmax hardswish _prelu_kernel glu rrelu_with_noise
    log_sigmoid_forward native_dropout bernoulli normal uniform rand randn randint randperm multinomial exponential
    rand_like randn_like
"""
_INTERPOLATION = """
    upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d
    _upsample_bilinear2d_aa _upsample_bicubic2d_aa _upsample_lanczos2d_aa grid_sampler_2d grid_sampler_3d
    _grid_sampler_2d_cpu_fallback
"""
_REDUCTIONS_AND_SCANS = """
    linalg_vector_norm linalg_cross cumsum cumprod logcumsumexp cummax cummin _cummax_helper _cummin_helper sort topk
    kthvalue median nanmedian mode histc histogram bincount bucketize searchsorted _aminmax aminmax trace dist
    std_mean var_mean std var logsumexp mean sum prod amax amin max min argmax argmin any all norm
"""
_LOSSES = """
    mse_loss smooth_l1_loss huber_loss nll_loss_forward nll_loss2d_forward binary_cross_entropy
    binary_cross_entropy_with_logits
"""
_PLACEMENT = """
    index_add index_put _index_put_impl _unsafe_index_put index_fill index_reduce index_copy put scatter scatter_add
    scatter_reduce masked_scatter select_scatter slice_scatter diagonal_scatter as_strided_scatter diag_embed tril triu
    _embedding_bag _embedding_bag_forward_only segment_reduce complex polar floor_divide repeat_interleave take
    _unsafe_index _unsafe_masked_index masked_select nonzero _unique2 unique_dim isin block_diag rot90 dequantize
    linspace logspace eye
"""
ELEMENTWISE = frozenset(
    " ".join((_NORMS_AND_POOLS, _ACTIVATIONS, _INTERPOLATION, _REDUCTIONS_AND_SCANS, _LOSSES, _PLACEMENT)).split()
)


def is_elementwise(func: Any) -> bool:
    """Whether an operator does a few operations for each element that it reads or writes.

    Args:
        func: The ``OpOverload``.
    """
    space, _, name = func._schema.name.partition("::")
    return bool(ELEMENTWISE_TAGS & set(func.tags)) or (space == "aten" and bool(ELEMENTWISE & {name, name.rstrip("_")}))
