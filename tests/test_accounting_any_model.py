import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from catalogue_of_blocks import GATES, OWN, SMALL, build, each
from functions import Function
from senet.accounting import Work, cost
from senet.attention import SE, SqueezeExcite, attend
from senet.errors import UsageError
from senet.networks import create


def test_timm_transformer_against_torchs_counter():
    model = timm.create_model("vit_tiny_patch16_224", img_size=32)
    # Some releases of torch do not count the fused attention of the CPU; as products of matrices it counts in all.
    with FlopCounterMode(display=False) as flops, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        model(torch.zeros(1, 3, 32, 32))
    assert 2 * cost(model, (3, 32, 32)).multiply_adds == flops.get_total_flops()


def test_by_hand():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), SqueezeExcite(8, 2))
    found = {m.name: m.own for m in cost(model, (3, 5, 7)).modules}
    image, u, weights = 3 * 35, 8 * 35, 8 * 3 * 9 + 8
    assert found["0"] == Work(weights, 8 * 3 * 9 * 35, 0, 4 * (image + weights + u))
    assert found["1"] == Work(16, 0, u, 4 * (u + 4 * 8 + u))
    assert found["2"] == Work(0, 0, u, 4 * 2 * u)
    assert found["3.fc1"] == Work(18, 16, 0, 4 * (8 + 18 + 2))
    assert found["3.fc2"] == Work(24, 16, 0, 4 * (2 + 24 + 8))
    assert found["3.activation"] == Work(0, 0, 2, 4 * 2 * 2)
    assert found["3.gate"] == Work(0, 0, 8, 4 * 2 * 8)
    assert found["3"] == Work(0, 0, 2 * u, 4 * (u + 8) + 4 * (u + 8 + u))  # squeeze, then scale
    assert found[""] == Work()


# x is (1, 2, 4, 6): 48 elements of 4 bytes.
@pytest.mark.parametrize(
    ("function", "elementwise", "bytes_moved"),
    [
        (lambda x: x.transpose(1, 2)[:, :2].flatten(1, 1).unsqueeze(0).expand(3, -1, -1, -1, -1), 0, 0),
        (lambda x: x.reshape(1, 48), 0, 0),
        (lambda x: x.clone(), 0, 8 * 48),
        (lambda x: torch.cat([x, x]), 0, 16 * 48),
        (lambda x: F.pad(x, (1, 1)), 0, 4 * (48 + 64)),
        (lambda x: x.permute(0, 2, 3, 1).reshape(1, 48), 0, 8 * 48),
        (lambda x: x + x.new_zeros(2, 1, 1).expand(2, 4, 6), 48, 8 + 8 + 8 * 48),
        (lambda x: x.sum((2, 3)), 48, 4 * 48 + 8),
        (lambda x: x.amax(1), 48, 4 * (48 + 24)),
        (lambda x: F.max_pool2d(x, 2), 48, 4 * (48 + 12)),
        (lambda x: F.avg_pool2d(x, 3, 1, 1), 48, 8 * 48),
        (lambda x: F.adaptive_avg_pool2d(x, 1), 48, 4 * (48 + 2)),
        (lambda x: F.interpolate(x, scale_factor=2), 4 * 48, 4 * 5 * 48),
        (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), 4 * 48, 4 * 5 * 48),
        (lambda x: x.clone().relu_(), 48, 16 * 48),
        (lambda x: F.dropout(x, training=False), 0, 0),
        (lambda x: x.softmax(1), 48, 8 * 48),
    ],
)
def test_conventions_of_what_is_not_a_multiply_add(function, elementwise, bytes_moved):
    found = cost(Function(function), (2, 4, 6))
    assert found.total == Work(0, 0, elementwise, bytes_moved)


@pytest.mark.parametrize(
    ("function", "multiply_adds"),
    [
        (lambda x: x[0, 0] @ x[0, 1].T, 4 * 4 * 6),
        (lambda x: x[0, 0] @ x[0, 1, 0], 4 * 6),
        (lambda x: x[0, 0, 0] @ x[0, 1, 0], 6),
        (lambda x: torch.addmv(x[0, 0, :, 0], x[0, 0], x[0, 1, 0]), 4 * 6),
        (lambda x: torch.einsum("bchw,bkhw->bck", x, x), 2 * 2 * 24),
        (lambda x: F.scaled_dot_product_attention(x, x, x), 2 * (2 * 4 * 4 * 6)),
        (lambda x: F.conv_transpose2d(x, x.new_ones(2, 3, 2, 2), stride=2), 24 * 2 * 3 * 4),
        (lambda x: F.conv2d(x, x.new_ones(2, 1, 3, 3), groups=2), 2 * 9 * 2 * 4),
    ],
)
def test_products(function, multiply_adds):
    assert cost(Function(function), (2, 4, 6)).multiply_adds == multiply_adds


def test_a_module_used_twice_works_twice_and_has_its_parameters_once():
    layer = nn.Linear(4, 4)
    found = cost(nn.Sequential(layer, nn.ReLU(), layer), (4,))
    assert (found.parameters, found.multiply_adds, found.elementwise) == (20, 32, 4)
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    assert cost(tied, (4,)).parameters == 24


@each((*GATES, OWN))
def test_forward_merging_and_hook_are_booked_alike(spec):
    block = build(spec)
    hooked = nn.Identity()
    hooked.add_module("attention", block)
    hooked.register_forward_hook(lambda module, inputs, out: module.attention(out))
    models = [Function(attend, block), nn.Sequential(block), nn.Sequential(hooked), block]
    shares = {cost(model, (8, 6, 6)).attention for model in models}
    assert shares == {cost(block, (8, 6, 6)).total}


@pytest.mark.parametrize("spatial", [(9,), (4, 5), (3, 4, 5)])
def test_any_number_of_axes(spatial):
    found = cost(SE(reduction=4)(16), (16, *spatial))
    elements = 16 * torch.Size(spatial).numel()
    assert found.elementwise == 2 * elements + 4 + 16
    assert found.multiply_adds == 2 * 16 * 4


def test_size_channels_and_dtype():
    small, large = (cost(create("se_resnet20", in_channels=5), (5, s, s)) for s in (32, 64))
    fixed = 10 * 64 + small.attention.multiply_adds  # the classifier and the gates see one value per channel
    assert large.multiply_adds - fixed == 4 * (small.multiply_adds - fixed)
    assert (
        cost(create("se_resnet20").bfloat16(), (3, 32, 32)).bytes_moved * 2
        == cost(create("se_resnet20"), (3, 32, 32)).bytes_moved
    )


@each((*SMALL, OWN))
def test_the_model_stays_as_it_was(spec):
    model = create("resnet11b", attention=spec).train()
    model.stage3.eval()
    model.stage2[0].register_forward_hook(lambda *_: None)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    inside = {name: (m.training, [*vars(m)], len(m._forward_hooks), len(m._forward_pre_hooks))
              for name, m in model.named_modules()}  # fmt: skip
    random = torch.get_rng_state()
    cost(model, (3, 32, 32))
    with pytest.raises(UsageError):
        cost(model, (4, 32, 32))
    assert torch.equal(torch.get_rng_state(), random)
    assert inside == {name: (m.training, [*vars(m)], len(m._forward_hooks), len(m._forward_pre_hooks))
                      for name, m in model.named_modules()}  # fmt: skip
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) and after[name].device.type == "cpu" for name in before)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_computes_nothing():
    """A map of 256 GB would not fit."""
    found = cost(nn.Sequential(nn.Conv2d(3, 64, 1), nn.ReLU()), (3, 32768, 32768))
    assert found.multiply_adds == 3 * 64 * 32768**2


def test_tensors_that_are_no_buffers_and_tensors_made_on_the_way():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.scales = [torch.ones(3, 1, 1)]

        def forward(self, x):
            return x * self.scales[0] + torch.arange(4) + torch.zeros(3, 4, 4)

    assert cost(Odd(), (3, 4, 4)).elementwise == 3 * 48


def test_same_in_inference_mode():
    model = create("se_resnet8")
    expected = cost(model, (3, 32, 32))
    with torch.inference_mode():
        assert cost(model, (3, 32, 32)) == expected
        assert cost(create("se_resnet8"), (3, 32, 32)) == expected
    inside = cost(Function(torch.inference_mode()(lambda x, inner: inner(F.interpolate(x, 32))), model), (3, 16, 16))
    outside = cost(Function(lambda x, inner: inner(F.interpolate(x, 32)), model), (3, 16, 16))
    assert inside == outside


@pytest.mark.parametrize(
    ("model", "input_size", "said"),
    [
        (lambda: create("resnet20"), (1, 32, 32), r"Network cannot be counted .* \(1, 32, 32\)"),
        (lambda: SqueezeExcite(8, 2), (9, 4, 4), r"takes \(batch, 8, \*spatial\)"),
        (lambda: create("resnet50"), (3, 1, 1), "Output size is too small"),
        (lambda: nn.LazyLinear(3), (3,), "uninitialized parameter"),
        (lambda: Function(lambda x: x if x.sum() > 0 else -x), (3,), "branches on values"),
        (lambda: nn.ReLU(), (3, 0, 4), "not the shape of an image"),
        (lambda: nn.ReLU(), (), "not the shape of an image"),
    ],
)
def test_errors(model, input_size, said):
    with pytest.raises(UsageError, match=said):
        cost(model(), input_size)
