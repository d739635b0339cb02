"""Operators beside convolutions and matrix products: counted by a formula, or named; never zero in silence."""

import json
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import DeformConv2d, roi_align

from functions import Function
from senet.accounting import Uncounted, Work, cost, uncounted_text
from senet.cli.common.cost_columns import cost_cells, difference_rows
from senet.cli.cost.command import cost as command
from senet.study.report.words import mark_uncounted


@torch.library.custom_op("senet_tests::fold", mutates_args=())
def fold(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@fold.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("senet_tests::shapeless", mutates_args=())
def shapeless(x: torch.Tensor) -> torch.Tensor:
    return x * 2


def steps_of_a_transform(n):
    """Multiplications and additions of a radix-2 transform of n complex values, halved: butterfly by butterfly."""
    operations, width = 0, 2
    while width <= n:
        for _ in range(0, n, width):
            for _ in range(width // 2):
                operations += 6 + 2 * 2  # a complex product, a complex sum and a difference
        width *= 2
    return operations // 2


def loops_of_bilinear(batch, first, second, outputs):
    done = 0
    for _ in range(batch * outputs):
        for _ in range(second):
            done += first + 1  # sum over the first input, then one product into the sum over the second
    return done


# x is (1, 2, 4, 8).
@pytest.mark.parametrize(
    ("function", "multiply_adds"),
    [
        (lambda x: torch.fft.fft(x.to(torch.complex64)), 8 * steps_of_a_transform(8)),
        (lambda x: torch.fft.fft2(x.to(torch.complex64)), 2 * steps_of_a_transform(32)),
        (lambda x: torch.fft.rfft2(x), steps_of_a_transform(32)),
        (lambda x: torch.fft.irfft2(torch.fft.rfft2(x)), 2 * steps_of_a_transform(32)),
        (lambda x: torch.cdist(x, x), 2 * 4 * 4 * 8),
        (lambda x: torch.cdist(x, x, p=1), 2 * 4 * 4 * 8),
        (lambda x: torch.cdist(x.new_zeros(30, 7), x.new_zeros(40, 7)), 30 * 40 * 7),
        (lambda x: F.pdist(x.reshape(8, 8)), 8 * 7 // 2 * 8),
        (lambda x: torch._int_mm(x[0, 0].to(torch.int8), x[0, 1].to(torch.int8).T), 4 * 8 * 4),
        (lambda x: torch.addbmm(x.new_zeros(4, 3), x[0], x.new_zeros(2, 8, 3)), 2 * 4 * 8 * 3),
        (lambda x: torch.conv_tbc(x[0], x.new_zeros(3, 8, 5), x.new_zeros(5), 1), 2 * 4 * 3 * 8 * 5),
        (lambda x: F.affine_grid(x.new_zeros(1, 2, 3), [1, 2, 4, 8], align_corners=False), 4 * 8 * 2 * 3),
        (lambda x: torch.linalg.multi_dot([x[0, 0], x[0, 1].T, x[0, 0]]), 4 * 8 * 4 + 4 * 4 * 8),
    ],
)
def test_row_105_products_of_other_kinds_are_counted(function, multiply_adds):
    found = cost(Function(function), (2, 4, 8))
    assert (found.multiply_adds, found.uncounted) == (multiply_adds, ())


def test_row_105_bilinear_layers_are_counted_as_two_loops_would():
    model = Function(lambda x, layer: layer(x[..., :3], x[..., 3:]), nn.Bilinear(3, 5, 6))
    assert cost(model, (7, 8)).multiply_adds == loops_of_bilinear(7, 3, 5, 6)


def deform(x, offsets, layer):
    return layer(x, offsets(x))


@pytest.mark.parametrize(("groups", "stride"), [(1, 1), (2, 2)])
def test_row_105_deformable_convolutions_count_as_convolutions_and_their_samples_as_elements(groups, stride):
    offsets = nn.Conv2d(4, 18, 3, stride, 1)
    layer = DeformConv2d(4, 6, 3, stride, 1, groups=groups)
    found = cost(Function(deform, offsets, layer), (4, 8, 8))
    own = {m.name: m.own for m in found.modules}["inner.1"]
    plain = cost(nn.Conv2d(4, 6, 3, stride, 1, groups=groups), (4, 8, 8))
    assert own.multiply_adds == plain.multiply_adds
    assert own.elementwise == (8 // stride) ** 2 * 4 * 9
    assert found.uncounted == ()


def test_recurrent_layers_are_their_products():
    model = Function(lambda x, layer: layer(x)[0], nn.LSTM(4, 5, batch_first=True))
    assert cost(model, (3, 4)).multiply_adds == 3 * 4 * 5 * (4 + 5)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: fold(x), "senet_tests::fold"),
        (torch.linalg.inv, "aten::linalg_inv_ex"),
        (lambda x: torch.linalg.svd(x)[1], "aten::_linalg_svd"),
        (torch.linalg.matrix_exp, "aten::linalg_matrix_exp"),
        (torch.linalg.cholesky, "aten::linalg_cholesky_ex"),
        (lambda x: roi_align(x, x.new_zeros(2, 5), 2), "torchvision::roi_align"),
    ],
)
def test_row_105_what_no_formula_tells_is_named(function, name):
    model = nn.Sequential(Function(function), nn.Identity(), Function(function))
    if name in ("aten::_linalg_svd", "torchvision::roi_align"):
        model = nn.Sequential(model[0])
    found = cost(model, (1, 3, 3) if name.startswith("torchvision") else (4, 4))
    called = [m.name for m in found.modules if m.own.uncounted]
    assert found.uncounted == (Uncounted(name, len(called), tuple(called)),)
    assert found.total.uncounted == len(called)
    assert (found.multiply_adds, found.bytes_moved > 0) == (0, True)
    assert f"{name} ({len(called)} call" in uncounted_text(found.uncounted)
    assert name in repr(found)
    assert name in found.table()


def test_an_operator_without_a_shape_says_what_it_lacks():
    with pytest.raises(ValueError, match=r"senet_tests::shapeless(.|\n)*register_fake"):
        cost(Function(lambda x: shapeless(x)), (4, 4))


def test_ordinary_operators_are_not_named():
    def much(x):
        x = F.group_norm(F.layer_norm(x, x.shape[1:]), 2)
        x = F.grid_sample(x, x.new_zeros(1, 4, 8, 2), align_corners=False) + F.interpolate(x, scale_factor=1.0)
        x = F.local_response_norm(F.hardswish(x.cumsum(1)), 2).sort(1)[0].topk(1, 1)[0].std(1)
        return F.normalize(x).logsumexp(1).scatter_add(1, torch.zeros(1, 8, dtype=torch.long), x[:, 0])

    assert cost(Function(much), (2, 4, 8)).uncounted == ()


def test_a_total_that_lacks_something_is_marked():
    whole, part = Work(1, 10, 20, 30, uncounted=1), Work(1, 8, 20, 30)
    assert cost_cells(whole) == ["1", "10 +?", "20 +?", "30"]
    assert [*difference_rows(whole, whole)] == [
        ["difference", "+0", "+0", "+0", "+0"],
        ["in percent", "equal", "?", "?", "equal"],
    ]
    assert cost_cells(part) == ["1", "8", "20", "30"]
    assert (mark_uncounted("42.0 M", "fold"), mark_uncounted("42.0 M", "")) == ("42.0 M +?", "42.0 M")


NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.matrix_exp(self.conv(x)).mean((2, 3)))
"""


def test_row_105_the_command_names_it_on_both_outputs_and_in_json(tmp_path, capsys):
    (tmp_path / "net.py").write_text(NETWORK)
    network = f"{tmp_path / 'net.py'}:Net"
    command(network, size=16)
    said = capsys.readouterr()
    assert "aten::linalg_matrix_exp (1 call in the model itself)" in said.out
    assert " +?" in said.out
    assert "note: not counted, so multiply-adds" in said.err
    command(network, size=16, json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["uncounted"] == [{"operator": "aten::linalg_matrix_exp", "calls": 1, "modules": [""]}]
    assert found["cost"]["uncounted"] == 1


def test_transforms_of_any_length_are_counted():
    found = cost(Function(torch.fft.fft), (3, 7))
    assert found.multiply_adds == round(3 * 7 * 1.25 * math.log2(7))
