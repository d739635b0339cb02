import pytest
import torch

import senet
from senet.attention.cbam import SpatialGate
from senet.data.transforms.evaluation import InputTransform
from senet.excitation.images.maps import rounded_rows, spatial_maps
from senet.inference.classifier import build_classifier

TRANSFORM = InputTransform((16, 16), 16, (0.5,), (0.3,))
IMAGES = torch.randint(0, 256, (3, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def made(spec):
    return build_classifier(senet.create("resnet8", attention=spec, num_classes=10, in_channels=1), TRANSFORM)


def test_every_spatial_gate_has_its_map_at_its_own_resolution():
    network = made(senet.CBAM(reduction=4))
    seen = {}
    gates = [(name, m) for name, m in network.model.named_modules() if isinstance(m, SpatialGate)]
    handles = [m.gate.register_forward_hook(lambda m, i, out, name=name: seen.update({name: out})) for name, m in gates]
    network.logits(IMAGES)
    for handle in handles:
        handle.remove()
    found = spatial_maps(network, IMAGES, [7, 0, 4])
    assert [maps.image for maps in found] == [7, 0, 4]
    assert [list(maps.maps) for maps in found] == [[name for name, _ in gates]] * 3
    for place, maps in enumerate(found):
        for name, table in maps.maps.items():
            expected = seen[name][place].squeeze(0)
            assert (len(table), len(table[0])) == expected.shape
            torch.testing.assert_close(torch.tensor(table), expected, atol=6e-5, rtol=0)
    assert {(len(t), len(t[0])) for t in found[0].maps.values()} == {(16, 16), (8, 8), (4, 4)}


def test_nothing_stays_at_the_model():
    network = made(senet.CBAM(reduction=4))
    before = network.logits(IMAGES)
    spatial_maps(network, IMAGES, range(3))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.model.modules())
    assert torch.equal(network.logits(IMAGES), before)


@pytest.mark.parametrize("spec", [senet.SE(reduction=4), None])
def test_images_of_a_network_without_such_gates_have_no_maps(spec):
    assert [maps.maps for maps in spatial_maps(made(spec), IMAGES[:2], [1, 2])] == [{}, {}]


def test_numbers_are_rounded_and_a_line_is_one_row():
    assert rounded_rows(torch.tensor([0.123456, 1.0])) == ((0.1235, 1.0),)
    assert rounded_rows(torch.tensor([[0.25], [0.5]])) == ((0.25,), (0.5,))
