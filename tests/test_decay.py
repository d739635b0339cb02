import pytest
from torch import nn

from senet.attention import CBAM, SE, SK
from senet.decay import decay_groups
from senet.networks import create
from senet.training import Recipe
from senet.training.optim import build_optimizer


@pytest.mark.parametrize(
    "attention", [None, SE(reduction=4), SE(reduction=4, norm=True), CBAM(reduction=4), SK(groups=1)]
)
def test_decay_groups_partition_the_parameters(attention):
    model = create("resnet8", num_classes=3, in_channels=1, attention=attention)
    decayed, spared = decay_groups(model)
    ids = [id(p) for p in decayed + spared]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(p) for p in model.parameters()}
    names = {id(p): name for name, p in model.named_parameters()}
    assert all(names[id(p)].endswith(("conv.weight", "fc.weight")) for p in decayed)
    convolutions = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d) and m.weight.shape[1] > 2]
    assert sum(p.numel() for p in convolutions) <= sum(p.numel() for p in decayed)
    assert build_optimizer(model, Recipe()).param_groups[1]["weight_decay"] == 0
