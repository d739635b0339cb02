from dataclasses import astuple, replace
from functools import cache

import pytest
import timm
import torch
import torchvision

from catalogue_of_blocks import CONVOLUTIONS, GATES, OWN, SMALL_GATES, build, each
from senet.accounting import Cost, Work, attention_weights, cost
from senet.attention import SE, is_attention
from senet.attention.contract import kept_convolutions
from senet.errors import UsageError
from senet.insertion import insert
from senet.networks import NETWORKS

STAGES50 = ((3, 256), (4, 512), (6, 1024), (3, 2048))
STAGES101 = ((3, 256), (4, 512), (23, 1024), (3, 2048))
STAGES152 = ((3, 256), (8, 512), (36, 1024), (3, 2048))


@cache
def counted(name: str, attention: object = "published", geometry: str | None = None) -> Cost:
    row = NETWORKS[name]
    row = row if attention == "published" else replace(row, attention=attention)
    with torch.device("meta"):
        return cost((replace(row, geometry=geometry) if geometry else row).build(1000, 3))


def deep(*case):
    """Return a case of the slow tier: a deep network has more of what a shallow one has."""
    return pytest.param(*case, marks=pytest.mark.slow)


# Hu et al.'s and Li et al.'s released Caffe files; the torch geometry is what torchvision prints.
@pytest.mark.parametrize(
    ("name", "geometry", "parameters", "multiply_adds"),
    [
        ("resnet50", None, 25_557_032, 3_857_973_248),
        ("resnet50", "torch", 25_557_032, 4_089_184_256),
        deep("resnet101", None, 44_549_160, 7_570_194_432),
        deep("resnet152", None, 60_192_808, 11_282_415_616),
        ("resnext50_32x4d", None, 25_028_904, 4_230_479_872),
        deep("resnext101_32x4d", None, 44_177_704, 7_969_996_800),
        ("se_resnet50", None, 28_088_024, 3_860_488_192),
        deep("se_resnet101", None, 49_326_872, 7_574_937_600),
        deep("se_resnet152", None, 66_821_848, 11_288_993_792),
        deep("se_resnext50_32x4d", None, 27_559_896, 4_232_994_816),
        deep("se_resnext101_32x4d", None, 48_955_416, 7_974_739_968),
        deep("senet154", None, 115_088_984, 20_688_363_520),
        ("sknet50", None, 27_479_784, 4_462_710_784),
    ],
)
def test_published_networks(name, geometry, parameters, multiply_adds):
    found = counted(name, geometry=geometry)
    assert (found.parameters, found.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize(
    ("depth", "printed"), [(50, 3.864), deep(101, 7.581)]
)  # Woo et al., table 4: the authors' geometry
def test_cbam_in_the_papers_geometry(depth, printed):
    assert round(counted(f"cbam_resnet{depth}", geometry="caffe").multiply_adds / 1e9, 3) == printed


def test_no_squeeze():
    """Hu et al., table 16: 4.27 G."""
    assert counted("resnet50", SE(squeeze="none", bias=False)).multiply_adds == 4_269_015_040


@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("se_resnet50", 5_519_360),
        deep("se_resnet101", 8_931_328),
        deep("senet154", 13_146_112),
    ],
)
def test_squeeze_and_scale_are_one_operation_per_element(name, elements):
    def blocks(found):
        return sum(m.own.elementwise for m in found.modules if m.kind == "SqueezeExcite")

    scale = blocks(counted(name, SE(squeeze="none")))
    assert scale == elements
    assert blocks(counted(name)) - scale == elements  # the average


@pytest.mark.parametrize(
    ("name", "stages", "reduction"),
    [
        ("se_resnet50", STAGES50, 2),
        ("se_resnet50", STAGES50, 16),
        ("se_resnet50", STAGES50, 24),
        deep("se_resnet101", STAGES101, 16),
        deep("se_resnet152", STAGES152, 16),
        deep("senet154", STAGES152, 16),
    ],
)
def test_closed_form(name, stages, reduction):
    share = counted(name, SE(reduction=reduction, bias=False)).attention
    assert share.parameters == share.multiply_adds == attention_weights(reduction, stages)


def test_closed_form_of_the_table():
    """Hu et al., release: weights of the SE blocks."""
    assert attention_weights(16, STAGES50) == 2_514_944
    assert attention_weights(16, STAGES101) == 4_743_168
    assert attention_weights(16, STAGES152) == 6_578_176


PRICED = [
    *(("resnet8", spec) for spec in (*GATES, OWN)),
    *(("resnext26_32x4d", spec) for spec in (*SMALL_GATES, OWN)),
]


@pytest.mark.parametrize(("name", "attention"), PRICED, ids=str)
def test_share_of_a_gate_is_the_difference_to_the_plain_network(name, attention):
    found, plain = counted(name, attention), counted(name, None)
    assert found.attention == found.total - plain.total
    assert min(found.attention.elementwise, found.attention.bytes_moved) > 0
    assert plain.attention == Work()


@each((*SMALL_GATES, OWN))
def test_share_of_what_is_inserted_is_the_difference_to_the_model_without_it(spec):
    plain = meta_resnet18()
    found = cost(insert(plain, spec, example=(1, 3, 64, 64)), (3, 64, 64))
    assert found.attention == found.total - cost(plain, (3, 64, 64)).total
    assert min(found.attention.elementwise, found.attention.bytes_moved) > 0


@cache
def meta_resnet18():
    with torch.device("meta"):
        return torchvision.models.resnet18()


@each(CONVOLUTIONS)
def test_share_of_what_replaces_a_convolution_is_all_but_its_convolutions(spec):
    row = replace(NETWORKS["resnet8"], attention=spec)
    found, model = counted("resnet8", spec), row.build(1000, 3)
    blocks = [m for m in model.modules() if type(m) is type(build(spec))]
    kept = [p for m in blocks for path in kept_convolutions(m) for p in m.get_submodule(path).parameters()]
    whole = sum(p.numel() for m in blocks for p in m.parameters())
    assert len(blocks) == 3
    assert found.attention.parameters == whole - sum(p.numel() for p in kept)
    assert (found.attention == Work()) == (not is_attention(blocks[0]))


def test_share_of_selective_kernels_is_fuse_and_select():
    units = [(n, c // 2, max(c // 32, 32)) for n, c in STAGES50]  # (N, C, d)
    found = counted("sknet50")
    share, plain = found.attention, counted("sknet50", None)
    assert share.multiply_adds == sum(n * (c * d + d * 2 * c) for n, c, d in units)
    assert share.parameters == share.multiply_adds + sum(n * 2 * d for n, c, d in units)
    branch = sum(m.own.multiply_adds for m in found.modules if ".branches.1." in m.name)
    assert found.multiply_adds == plain.multiply_adds + branch + share.multiply_adds


def test_torchvision():
    found = cost(torchvision.models.resnet50())
    assert (found.parameters, found.multiply_adds) == (25_557_032, 4_089_184_256)
    assert found.elementwise == counted("resnet50", geometry="torch").elementwise


def test_timm():
    found = cost(timm.create_model("skresnext50_32x4d"))
    assert (found.parameters, found.multiply_adds) == (27_479_784, 4_462_710_784)
    maps = [(n, c // 2, (56 >> i) ** 2) for i, (n, c) in enumerate(STAGES50)]
    # They read two stacked branches to sum, average and weigh them, seven maps; here four are, and means are added.
    saved = sum(n * c * (3 * positions - 1) for n, c, positions in maps)
    assert found.elementwise == counted("sknet50").elementwise + saved


@pytest.mark.parametrize("name", ["se_resnet11b", "cbam_resnet18", "sknet26", deep("senet154")])
def test_every_operator_is_booked_once(name):
    found = counted(name)
    parts = sum((m.own for m in found.modules), Work())
    assert parts == found.total == found.under("")
    assert parts == found.under("stem") + sum((found.under(f"stage{s}") for s in range(2, 6)), found.under("head"))
    assert found.under("", attention=True) == found.attention
    assert found.under("stage") == Work()


def test_it_prints_in_a_few_short_lines():
    found = counted("se_resnet50")
    printed = repr(found)
    assert str(found) == printed
    lines = printed.splitlines()
    assert len(lines) <= 6
    assert max(map(len, lines)) <= 80
    for total, share in zip(astuple(found.total)[:4], astuple(found.attention)[:4], strict=True):
        assert f"{total:,}" in printed
        assert f"{share:,}" in printed
        assert f"{share / total:.2%}" in printed
    assert all(word in printed for word in (".modules", ".under(", ".table("))


def test_even_a_model_of_trillions_or_of_nothing_prints():
    large = Work(10**12, 10**15, 10**14, 10**15)
    huge = repr(Cost(*astuple(large)[:4], attention=large, modules=()))
    assert max(map(len, huge.splitlines())) <= 80
    assert "0.00%" in repr(Cost(0, 0, 0, 0, Work(), ()))


def test_the_table_has_a_row_for_each_part_and_they_add_up():
    found = counted("se_resnet50")
    header, *rows, last = found.table().splitlines()
    assert [row.split()[0] for row in rows] == ["stem", "stage2", "stage3", "stage4", "stage5", "head"]
    assert header.split() == ["module", "parameters", "multiply-adds", "elementwise", "bytes", "moved", "attention"]
    numbers = [[int(word.replace(",", "")) for word in row.split()[1:]] for row in (*rows, last)]
    assert numbers[-1] == [*astuple(found.total)[:4], found.attention.parameters]
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1]
    assert f"{found.under('stage3').multiply_adds:,}" in rows[2]


def test_the_table_goes_as_deep_as_asked():
    found = counted("se_resnet50")
    names = [row.split()[0] for row in found.table(depth=2).splitlines()[1:-1]]
    assert names[:6] == ["stem.conv1", "stem.pool", "stage2.0", "stage2.1", "stage2.2", "stage3.0"]
    assert len(found.table(depth=0).splitlines()) == 2
    with pytest.raises(UsageError, match="depth=-1"):
        found.table(depth=-1)


class Doubled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return 2 * self.conv(x)


def test_what_the_model_does_itself_has_a_row():
    found = cost(Doubled(), (3, 4, 4))
    assert found.table().splitlines()[1].split()[0] == "(itself)"
