"""The passes of :mod:`senet.ops.plain` in Triton's language, for :mod:`senet.ops.triton_passes`; needs triton.

Each reads its maps once. Maps are pointers, all to one memory format, and rows are pointers, with a step from image to
image that is 0 where one row is for all. What follows `outer` stands in :attr:`senet.ops.tiles.Tiles.arguments`.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["steps"])
def mean(
    x,
    means,
    steps,
    outer,
    parts,
    last: tl.constexpr,
    vector: tl.constexpr,
    block_o: tl.constexpr,
    block_i: tl.constexpr,
):
    """Write the means (B, splits, C), each over the positions of a program and divided by the number of all."""
    inner = parts * vector
    image, o, i = _place(outer, inner, block_o * steps if last else block_o, block_i if last else block_i * steps)
    sums, is_sum = _sums(image, o, i, outer, inner, steps, last, block_o, block_i)
    total = tl.zeros([block_o, block_i], means.dtype.element_ty)
    for _ in range(steps):
        at, inside = _tile(image, o, i, outer, inner, block_o, block_i)
        total += tl.load(x + at, inside, other=0).to(total.dtype)
        o, i = (o + block_o, i) if last else (o, i + block_i)
    tl.store(means + sums, tl.sum(total, 0 if last else 1) / (outer if last else inner), is_sum)


@triton.jit
def scale_add_relu(
    x,
    scale,
    shift,
    shortcut,
    out,
    scale_step,
    shift_step,
    outer,
    parts,
    last: tl.constexpr,
    vector: tl.constexpr,
    block_o: tl.constexpr,
    block_i: tl.constexpr,
):
    """Write relu(x * scale + shift + shortcut); shift may be None."""
    inner = parts * vector
    image, o, i = _place(outer, inner, block_o, block_i)
    c, is_c = _channels(o, i, outer, inner, last, block_o, block_i)
    at, inside = _tile(image, o, i, outer, inner, block_o, block_i)
    y = _map(x + at, inside) * _rows(scale + image * scale_step + c, is_c, last)
    if shift is not None:
        y += _rows(shift + image * shift_step + c, is_c, last)
    y += _map(shortcut + at, inside)
    tl.store(out + at, tl.where(y <= 0, 0, y), inside)  # tl.maximum would hide a NaN


@triton.jit(do_not_specialize=["steps"])
def relu_sums(
    grad,
    result,
    x,
    center,
    g,
    totals,
    products,
    steps,
    outer,
    parts,
    last: tl.constexpr,
    vector: tl.constexpr,
    block_o: tl.constexpr,
    block_i: tl.constexpr,
):
    """Write g, grad where the result is positive, and sums of g and of g * (x - center), (B, splits, C)."""
    inner = parts * vector
    image, o, i = _place(outer, inner, block_o * steps if last else block_o, block_i if last else block_i * steps)
    c, is_c = _channels(o, i, outer, inner, last, block_o, block_i)
    middle = _rows(center + c, is_c, last)
    sums, is_sum = _sums(image, o, i, outer, inner, steps, last, block_o, block_i)
    total = tl.zeros([block_o, block_i], totals.dtype.element_ty)
    product = tl.zeros([block_o, block_i], totals.dtype.element_ty)
    for _ in range(steps):
        at, inside = _tile(image, o, i, outer, inner, block_o, block_i)
        off = tl.load(result + at, inside, other=0) <= 0
        passed = tl.where(off, 0, _map(grad + at, inside))
        tl.store(g + at, passed, inside)
        total += passed
        product += passed * (_map(x + at, inside) - middle)
        o, i = (o + block_o, i) if last else (o, i + block_i)
    tl.store(totals + sums, tl.sum(total, 0 if last else 1), is_sum)
    tl.store(products + sums, tl.sum(product, 0 if last else 1), is_sum)


@triton.jit
def combine(
    g,
    scale,
    x,
    weight,
    shift,
    out,
    scale_step,
    weight_step,
    shift_step,
    outer,
    parts,
    last: tl.constexpr,
    vector: tl.constexpr,
    block_o: tl.constexpr,
    block_i: tl.constexpr,
):
    """Write g * scale + x * weight + shift."""
    inner = parts * vector
    image, o, i = _place(outer, inner, block_o, block_i)
    c, is_c = _channels(o, i, outer, inner, last, block_o, block_i)
    at, inside = _tile(image, o, i, outer, inner, block_o, block_i)
    y = _map(g + at, inside) * _rows(scale + image * scale_step + c, is_c, last)
    y += _map(x + at, inside) * _rows(weight + image * weight_step + c, is_c, last)
    tl.store(out + at, y + _rows(shift + image * shift_step + c, is_c, last), inside)


@triton.jit
def _place(outer, inner, span_o, span_i):
    """Return the image of a program and where it begins there; neighbours in number are neighbours in memory."""
    program, down, across = tl.program_id(0), tl.cdiv(outer, span_o), tl.cdiv(inner, span_i)
    image = (program // (down * across)).to(tl.int64)
    return image, program // across % down * span_o, program % across * span_i


@triton.jit
def _tile(image, o, i, outer, inner, block_o: tl.constexpr, block_i: tl.constexpr):
    """Return the offsets of the tile that begins at (o, i), and which of them lie in the image."""
    down, across = tl.arange(0, block_o)[:, None], tl.arange(0, block_i)[None, :]
    return (image * outer + o) * inner + i + (down * inner + across), (o + down < outer) & (i + across < inner)


@triton.jit
def _channels(o, i, outer, inner, last: tl.constexpr, block_o: tl.constexpr, block_i: tl.constexpr):
    """Return the channels of a tile, and which of them there are."""
    c = i + tl.arange(0, block_i) if last else o + tl.arange(0, block_o)
    return c, c < (inner if last else outer)


@triton.jit
def _sums(image, o, i, outer, inner, steps, last: tl.constexpr, block_o: tl.constexpr, block_i: tl.constexpr):
    """Return the offsets of a program's sums, (B, splits, C), and which of them there are."""
    c, is_c = _channels(o, i, outer, inner, last, block_o, block_i)
    span = (block_o if last else block_i) * steps
    splits = tl.cdiv(outer if last else inner, span)
    return (image * splits + (o if last else i) // span) * (inner if last else outer) + c, is_c


@triton.jit
def _map(at, inside):
    """Return the values of a tile in the dtype of the arithmetic."""
    values = tl.load(at, inside, other=0)
    return values if values.dtype == tl.float64 else values.to(tl.float32)


@triton.jit
def _rows(at, is_c, last: tl.constexpr):
    """Return numbers of channels, spread over a tile."""
    values = _map(at, is_c)
    return values[None, :] if last else values[:, None]
