# What each published name promises, whatever its family.
import time
from dataclasses import replace

import families
import pytest
import torch

from catalogue_of_blocks import CONVOLUTIONS, OWN, SMALL, SMALL_GATES, build, each, each_of
from senet.attention import is_attention
from senet.errors import UsageError
from senet.networks import NETWORKS, create, initialise
from senet.networks.published.parameters import PARAMETERS
from senet.utils.modules import within

every_network = pytest.mark.parametrize("name", NETWORKS)
SMALLEST = 97  # that Inception-ResNet-v2's unpadded stem leaves a map of


def images(name, batch=2):
    side = 32 if NETWORKS[name].size == 32 else SMALLEST
    return torch.randn(batch, 3, side, side)


@pytest.mark.slow
def test_the_parameters_that_are_written_down_are_those_that_are_built():
    with torch.device("meta"):
        built = {name: row.build(row.num_classes, 3) for name, row in NETWORKS.items()}
    assert {name: sum(p.numel() for p in model.parameters()) for name, model in built.items()} == PARAMETERS


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


def shallow(name):
    """At most two units a stage: those after the second are like it."""
    row = NETWORKS[name]
    depths = {"depths": tuple(min(depth, 2) for depth in row.depths)} if hasattr(row, "depths") else {}
    return initialise(replace(row, **depths).build(7, 3))


@pytest.mark.slow
@every_network
def test_compiles_without_a_graph_break_and_exports(name):
    model, x = shallow(name).double().eval(), images(name).double()
    torch._dynamo.reset()
    with torch.no_grad():
        expected = model(x)
        compiled = torch.compile(model, backend="eager", fullgraph=True)(x)
        exported = torch.export.export(model, (x,)).module()(x)
    torch.testing.assert_close(compiled, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(exported, expected, rtol=1e-9, atol=1e-9)


each_family = pytest.mark.parametrize("family", families.CHANGES)


def blocks(model):
    """Return the outermost attention blocks of a network."""
    names = [name for name, module in model.named_modules() if is_attention(module)]
    return [model.get_submodule(name) for name in names if not within(name, set(names) - {name})]


@torch.no_grad()
@each_family
@each((*SMALL_GATES, OWN))
def test_every_gate_fills_the_slots_of_every_family(family, spec):
    row = families.spec(family)
    with torch.device("meta"):
        model = replace(row, attention=spec).build(5, 3).eval()
        slots = blocks(replace(row, attention=SMALL_GATES[0]).build(5, 3))
        logits = model(families.odd_images(family))
    assert logits.shape == (2, 5)
    assert {type(block) for block in blocks(model)} == {type(build(spec))}
    assert len(blocks(model)) == len(slots) > 0


@torch.no_grad()
@each_family
@each_of(CONVOLUTIONS, SMALL)
def test_every_convolution_spec_fills_the_slots_of_every_family_that_has_them(family, spec):
    row = replace(families.spec(family), attention=spec)
    with torch.device("meta"):
        if "inception_resnet" in family:
            with pytest.raises(UsageError, match="gate spec"):
                row.build(5, 3)
            return
        model = row.build(5, 3).eval()
        assert model(families.odd_images(family)).shape == (2, 5)
    assert type(build(spec)) in {type(module) for module in model.modules()}
