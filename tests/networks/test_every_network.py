# What each published name promises, whatever its family.
import time

import pytest
import torch

from senet.networks import NETWORKS, create

every_network = pytest.mark.parametrize("name", NETWORKS)
SMALLEST = 97  # that Inception-ResNet-v2's unpadded stem leaves a map of


def images(name, batch=2):
    side = 32 if NETWORKS[name].size == 32 else SMALLEST
    return torch.randn(batch, 3, side, side)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["senet154", "vgg16_bn", "se_inception_resnet_v2", "se_resnet152"])
def test_the_largest_build_without_data_in_under_a_second(name):
    def seconds():
        start = time.monotonic()
        with torch.device("meta"):
            create(name)
        return time.monotonic() - start

    assert min(seconds() for _ in range(3)) < 1  # the least: other work on the machine is not the network's


@pytest.mark.slow
@every_network
def test_one_step_gives_every_parameter_a_gradient(name):
    model = create(name, num_classes=7).train()
    logits = model(images(name))
    assert logits.shape == (2, 7)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 6])).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert missing == []
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.slow
@every_network
def test_compiles_without_a_graph_break_and_exports(name):
    model, x = create(name, num_classes=7).eval(), images(name)
    torch._dynamo.reset()
    with torch.no_grad():
        expected = model(x)
        compiled = torch.compile(model, backend="eager", fullgraph=True)(x)
        exported = torch.export.export(model, (x,)).module()(x)
    torch.testing.assert_close(compiled, expected)
    torch.testing.assert_close(exported, expected)
