from dataclasses import replace

import pytest
import torch

from catalogue_of_blocks import OWN, SMALL, SMALL_GATES, each, each_of
from senet.networks import create
from senet.networks.published.resnet import ROWS

QUICK = ("se_resnet8", "cbam_resnet18")  # test_every_network has them all
FEW = (SMALL_GATES[0], next(spec for spec in SMALL if spec.slot == "convolution"), OWN)
ONE_UNIT = replace(ROWS["resnet8"], depths=(1,), channels=(16,), widths=(16,))


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()


@torch.no_grad()
def equal_when_compiled(model):
    model, x = model.double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    return torch.allclose(torch.compile(model, backend="eager", fullgraph=True)(x), model(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", QUICK)
def test_a_residual_network_is_one_graph(name):
    assert equal_when_compiled(create(name).eval())


@each_of((*SMALL, OWN), FEW)
def test_any_attention_is_one_graph(spec):
    assert equal_when_compiled(create("resnet8", attention=spec).eval())


@each_of((*SMALL, OWN), FEW)
def test_a_step_of_training_is_one_graph(spec):
    model = replace(ONE_UNIT, attention=spec).build(10, 3)
    torch.compile(model, backend="aot_eager", fullgraph=True)(torch.randn(2, 3, 8, 8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@each_of((*SMALL, OWN), FEW)
def test_exports_for_any_batch(spec):
    model = create("resnet8", attention=spec).eval()
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(model, (torch.randn(2, 3, 32, 32),), dynamic_shapes=(batch,))
    x = torch.randn(5, 3, 32, 32)
    torch.testing.assert_close(program.module()(x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@each((*SMALL, OWN))
@torch.no_grad()
def test_inductor_computes_the_same(spec):
    model, x = create("resnet8", attention=spec).double().eval(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(torch.compile(model, fullgraph=True)(x), model(x), rtol=1e-8, atol=1e-8)
