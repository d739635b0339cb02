import pytest
import torch

from senet.attention import CBAM, SE, SK
from senet.networks import create
from senet.networks.resnet_rows import ROWS

# Tracing costs about a second for every ten units, and more for selective kernels.
QUICK = ("resnet8", "se_resnet8", "resnet18", "cbam_resnet18")
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ROWS]


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()


@torch.no_grad()
def equal_when_compiled(model):
    x = torch.randn(2, 3, 32, 32)
    return torch.equal(torch.compile(model, backend="eager", fullgraph=True)(x), model(x))


@pytest.mark.parametrize("name", NAMES)
def test_every_residual_network_is_one_graph(name):
    assert equal_when_compiled(create(name).eval())


@pytest.mark.parametrize("spec", [SE(4, norm=True), SE(4, squeeze="none"), CBAM(4, order="parallel"), SK(3, groups=1)])
def test_any_attention_is_one_graph(spec):
    assert equal_when_compiled(create("resnet11b", attention=spec).eval())


@pytest.mark.parametrize("spec", [SE(4), SE(4, norm=True), CBAM(4), SK(groups=1)], ids=repr)
def test_a_step_of_training_is_one_graph(spec):
    model = create("resnet8", attention=spec)
    torch.compile(model, backend="aot_eager", fullgraph=True)(torch.randn(2, 3, 32, 32)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", ["se_resnet20", "sknet26", "cbam_resnet18"])
def test_exports_for_any_batch(name):
    model = create(name).eval()
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(model, (torch.randn(2, 3, 64, 64),), dynamic_shapes=(batch,))
    x = torch.randn(5, 3, 64, 64)
    torch.testing.assert_close(program.module()(x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["se_resnet20", "sknet26", "cbam_resnet18"])
@torch.no_grad()
def test_inductor_computes_the_same(name):
    model, x = create(name).double().eval(), torch.randn(2, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(torch.compile(model, fullgraph=True)(x), model(x), rtol=1e-8, atol=1e-8)
