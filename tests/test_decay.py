from torch import nn

from catalogue_of_blocks import OWN, SMALL, VARIANTS, each
from senet.attention.contract import attention_names
from senet.networks import create
from senet.training import Recipe
from senet.training.step.optimizer import build_optimizer
from senet.weight_decay import decay_groups


@each((None, *VARIANTS, OWN))
def test_decay_groups_partition_the_parameters(spec):
    model = create("resnet8", num_classes=3, in_channels=1, attention=spec)
    decayed, spared = decay_groups(model)
    ids = [id(p) for p in decayed + spared]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(p) for p in model.parameters()}
    attention = attention_names(model)
    kernels = [m.weight for name, m in model.named_modules() if isinstance(m, nn.Conv2d) and name not in attention]
    assert {id(p) for p in decayed} == {id(p) for p in (*kernels, model.head.fc.weight)}
    gates = {id(p) for name in attention for p in model.get_submodule(name).parameters(recurse=False)}
    assert gates <= {id(p) for p in spared}
    assert bool(gates) == (attention != frozenset())
    assert build_optimizer(model, Recipe()).param_groups[1]["weight_decay"] == 0


@each((*SMALL, OWN))
def test_gates_decay_as_a_whole_where_it_is_said(spec):
    model = create("resnet8", num_classes=3, in_channels=1, attention=spec)
    decayed = {id(p) for p in decay_groups(model, gates=True)[0]}
    assert all(id(p) in decayed for name in attention_names(model) for p in model.get_submodule(name).parameters(False))
