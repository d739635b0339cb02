"""Which operators are known to do a few operations for each element, beside those that torch itself marks so."""

from typing import Any

import torch

MARKED = {torch.Tag.pointwise, torch.Tag.reduction}

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
KNOWN = frozenset(
    " ".join((_NORMS_AND_POOLS, _ACTIVATIONS, _INTERPOLATION, _REDUCTIONS_AND_SCANS, _LOSSES, _PLACEMENT)).split()
)


def is_elementwise(func: Any) -> bool:
    """Whether an operator does a few operations for each element that it reads or writes.

    Args:
        func: The ``OpOverload``.
    """
    space, _, name = func._schema.name.partition("::")
    return bool(MARKED & set(func.tags)) or (space == "aten" and (name in KNOWN or name.rstrip("_") in KNOWN))
