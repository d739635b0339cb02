# The kernels against the formulas in float64: on a GPU, and by Triton's interpreter in a process of its own.
import importlib
import os
import subprocess
import sys

import pytest
import torch

from senet.ops import plain

triton = pytest.importorskip("triton", reason="needs triton")
kernels = importlib.import_module("senet.ops.triton_passes")

INTERPRETED = triton.knobs.runtime.interpret
DEVICE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"
# Triton compiles for GPUs alone: without one these run in the interpreter, in the process that a test below starts.
runs = pytest.mark.skipif(DEVICE == "cpu" and not INTERPRETED, reason="needs CUDA")
# Sizes, grids and offsets of a GPU, for which an interpreter would take hours or has no equal.
on_a_gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs CUDA")
LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}

# One tile; several of channels; several of positions, sums of which are split; one channel; one position.
SHAPES = [(2, 3, 5, 7), (1, 70, 12, 13), (1, 3, 33, 32), (3, 1, 4, 4), (2, 24, 1, 1)]


def a_map(shape, form=CONTIGUOUS, dtype=torch.float32):
    return torch.randn(shape, dtype=torch.float64).to(DEVICE, dtype).to(memory_format=form)


def rows(images, channels, dtype=torch.float32):
    return torch.randn(images, channels, dtype=torch.float64).to(DEVICE, dtype)


def exact(*tensors):
    return [None if t is None else t.double().cpu() for t in tensors]


def check(found, expected, dtype):
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(found.double().cpu(), expected, rtol=tolerance, atol=tolerance)


def check_all(shape, forms=(CONTIGUOUS,) * 3, dtype=torch.float32, images=None):
    """Each kernel on maps in the formats of x, shortcut or result, and grad; results that are maps have that of x."""
    x, y, grad = (a_map(shape, form, dtype) for form in forms)
    a, b, center = rows(images or shape[0], shape[1]), rows(1, shape[1]), rows(1, shape[1])[0]
    sums = min(dtype, torch.float32, key=TOLERANCE.get)

    check(kernels.mean(x), plain.mean(*exact(x)), sums)
    out = kernels.scale_add_relu(x, a, b, y)
    check(out, plain.scale_add_relu(*exact(x, a, b, y)), dtype)
    g, total, product = kernels.relu_sums(grad, y.relu(), x, center)
    expected = plain.relu_sums(*exact(grad, y.relu(), x, center))
    assert torch.equal(g.double().cpu(), expected[0])
    positions = shape[2] * shape[3]
    check(total / positions, expected[1] / positions, sums)
    check(product / positions, expected[2] / positions, sums)
    combined = kernels.combine(grad, b, x, a, b)
    check(combined, plain.combine(*exact(grad, b, x, a, b)), dtype)
    for result in (out, g, combined):
        assert result.dtype == dtype
        assert result.is_contiguous(memory_format=forms[0])
    for result in (total, product):
        assert result.dtype == sums


def test_by_the_interpreter():
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "pytest", "-k", "not interpreter and not gpu", __file__]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@runs
@pytest.mark.parametrize("form", [CONTIGUOUS, LAST])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape, form):
    check_all(shape, (form,) * 3)


@runs
@pytest.mark.parametrize("form", [CONTIGUOUS, LAST])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype, form):
    check_all((2, 3, 5, 7), (form,) * 3, dtype)


@runs
@pytest.mark.parametrize("forms", [(LAST, CONTIGUOUS, CONTIGUOUS), (CONTIGUOUS, LAST, LAST)])
def test_other_maps_in_another_memory_format(forms):
    check_all((2, 3, 5, 7), forms)


@runs
def test_rows_of_one_for_all_images():
    check_all((2, 3, 5, 7), images=1)


@runs
def test_rows_in_the_dtype_of_maps_and_with_gaps():
    x, y, a = a_map((2, 3, 5, 7)), a_map((2, 3, 5, 7)), rows(3, 2, torch.bfloat16).T
    check(kernels.scale_add_relu(x, a, a, y), plain.scale_add_relu(*exact(x, a, a, y)), torch.float32)


@runs
def test_maps_with_gaps_and_gradients_that_are_one_number():
    x, result = a_map((2, 3, 5, 14))[..., ::2], a_map((2, 3, 5, 7))
    grad, center = rows(2, 3)[:, :, None, None].expand(2, 3, 5, 7), rows(1, 3)[0]
    found, expected = kernels.relu_sums(grad, result, x, center), plain.relu_sums(*exact(grad, result, x, center))
    for one, other in zip(found, expected, strict=True):
        check(one, other, torch.float32)
    check(kernels.mean(x), plain.mean(*exact(x)), torch.float32)


@runs
@pytest.mark.parametrize("shift", [True, False])
@pytest.mark.parametrize("gaps", [1, 2])
def test_in_place(shift, gaps):
    x, y, a = a_map((2, 3, 5, 7 * gaps))[..., ::gaps], a_map((2, 3, 5, 7)), rows(2, 3)
    b = rows(1, 3) if shift else None
    expected = plain.scale_add_relu(*exact(x, a, b, y))
    assert kernels.scale_add_relu(x, a, b, y, out=x) is x
    check(x, expected, torch.float32)


@runs
def test_a_shortcut_in_a_wider_dtype():
    x, y, a = a_map((2, 3, 5, 7), dtype=torch.bfloat16), a_map((2, 3, 5, 7)), rows(2, 3)
    result = kernels.scale_add_relu(x, a, None, y)
    assert result.dtype == torch.float32
    check(result, plain.scale_add_relu(*exact(x, a, None, y)), torch.float32)


@runs
def test_what_is_not_a_number_stays_so():
    x, a = a_map((2, 3, 5, 7)), rows(2, 3)
    x[1, 2, 3, 4] = torch.nan
    result = kernels.scale_add_relu(x, a, None, a_map((2, 3, 5, 7)))
    assert result.isnan().nonzero().tolist() == [[1, 2, 3, 4]]
    grad = a_map((2, 3, 5, 7))
    g, *_ = kernels.relu_sums(grad, result, a_map((2, 3, 5, 7)), a[0])
    assert g[1, 2, 3, 4] == grad[1, 2, 3, 4]  # as torch has it


@runs
def test_no_images():
    assert kernels.mean(a_map((0, 3, 4, 4))).shape == (0, 3)


@on_a_gpu
@pytest.mark.parametrize("form", [CONTIGUOUS, LAST])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(16, 64, 56, 56), (9, 72, 28, 28), (8, 256, 14, 14), (8, 512, 7, 7)])
def test_maps_of_networks_on_a_gpu(shape, dtype, form):
    check_all(shape, (form,) * 3, dtype)


@on_a_gpu
def test_sums_have_the_same_bits_each_time_on_a_gpu():
    x, center = a_map((2, 64, 112, 112), LAST), rows(1, 64)[0]
    first, again = kernels.relu_sums(x, x, x, center), kernels.relu_sums(x, x, x, center)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


@on_a_gpu
def test_offsets_beyond_32_bits_on_a_gpu():
    x = torch.zeros(9, 1 << 14, 128, 128, dtype=torch.bfloat16, device=DEVICE)  # 4.5 GiB
    x[8] = 1
    assert kernels.mean(x)[:, [0, -1]].tolist() == [[0, 0]] * 8 + [[1, 1]]
