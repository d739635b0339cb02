# Initialisation: He normal over the inputs, and streams that give variants of a network the same trunk.

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from catalogue_of_blocks import OWN, SMALL, VARIANTS, each, each_of
from senet.attention import SE, SK, Effect, SelectiveKernel
from senet.errors import UsageError
from senet.networks import create, initialise, named_stream


def drawn(attention, seed=1, name="resnet8"):
    return initialise(create(name, attention=attention), named_stream(seed)).state_dict()


def differing(one, other):
    return {key for key in one.keys() & other.keys() if not torch.equal(one[key], other[key])}


@pytest.mark.parametrize("name", ["se_resnet50", "sknet26", "cbam_resnet18", "se_resnet56"])
def test_weights_are_he_normal_over_their_inputs(name):
    model = create(name)
    selections = [m for m in model.modules() if isinstance(m, SelectiveKernel)]
    of_selections = {id(layer) for m in selections for layer in (m.fc1, m.fc2)}
    for key, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight = layer.weight.detach().double()
            # The authors of SKNet draw the fuse and select layers from a deviation of 0.01.
            expected = 0.01 if id(layer) in of_selections else math.sqrt(2 / weight[0].numel())
            error = 1 / math.sqrt(2 * weight.numel())  # of a deviation estimated from so many draws, relative
            assert abs(weight.std() / expected - 1) < 5 * error, key
            assert abs(weight.mean()) < 5 * expected / math.sqrt(weight.numel()), key
            assert layer.bias is None or not layer.bias.any(), key


@pytest.mark.parametrize("name", ["se_resnet50", "sknet26", "resnet20"])
def test_norms_start_as_the_identity(name):
    for key, norm in create(name).named_modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            assert (norm.weight == 1).all(), key
            assert not norm.bias.any(), key


def test_the_spatial_gates_of_cbam_start_at_one_half_everywhere():
    state = create("cbam_resnet18").state_dict()
    scales = [value for key, value in state.items() if key.endswith("spatial.bn.weight")]
    assert len(scales) == 8
    assert not torch.cat(scales).any()


def test_create_draws_from_the_global_generator():
    torch.manual_seed(7)
    one = create("se_resnet8").state_dict()
    other = create("se_resnet8").state_dict()
    torch.manual_seed(7)
    again = create("se_resnet8").state_dict()
    assert differing(one, other)
    assert not differing(one, again)


@pytest.mark.parametrize("name", ["resnet8", "resnet11b"])
@each((*VARIANTS, OWN))
def test_variants_share_every_common_weight_by_name(name, spec):
    plain, variant = drawn(None, name=name), drawn(spec, name=name)
    replaced = ".branch.conv1." if name == "resnet8" else ".branch.conv2."
    lost = {key for key in plain if spec.slot == "convolution" and replaced in key}
    assert plain.keys() - variant.keys() == lost
    assert not differing(plain, variant)


def test_without_a_named_stream_variants_do_not_share_weights():
    torch.manual_seed(1)
    plain = create("resnet8", attention=None).state_dict()
    torch.manual_seed(1)
    assert differing(plain, create("resnet8", attention=SE(4)).state_dict())


@each_of((None, *VARIANTS, OWN), (None, *SMALL, OWN))
def test_seed_and_name_decide_every_parameter_and_the_global_generator_nothing(spec):
    models = []
    for seed in (1, 99):
        torch.manual_seed(seed)
        models.append(create("resnet8", attention=spec))
        before = torch.get_rng_state()
        initialise(models[-1], named_stream(1))
        assert torch.equal(torch.get_rng_state(), before)
    one, other = (model.state_dict() for model in models)
    assert one.keys() == other.keys()
    assert not differing(one, other)
    assert any(key.endswith("conv.weight") for key in differing(one, drawn(spec, seed=2)))


class Bare(nn.Module):
    """A block whose parameter nobody draws."""

    effect = Effect.MULTIPLIES

    def __init__(self, channels):
        super().__init__()
        self.scale, self.gate = nn.Parameter(torch.randn(channels)), nn.Sigmoid()

    def forward(self, x):
        return x * self.weights(x)

    def weights(self, x):
        return self.gate(self.scale)[None, :, None, None]


class Reset(Bare):
    def reset_gate(self, generator=None):
        nn.init.normal_(self.scale, generator=generator)


@dataclass(frozen=True)
class Spec:
    kind: type

    slot = "gate"

    def __call__(self, channels):
        return self.kind(channels)


def test_a_parameter_that_no_seed_would_decide_is_refused_with_its_place():
    with pytest.raises(UsageError, match="nothing initialises scale of Bare") as error:
        create("resnet8", attention=Spec(Bare))
    assert error.value.where == "stage2.0.attention"
    assert "reset_gate(generator)" in error.value.do
    assert not differing(drawn(Spec(Reset)), drawn(Spec(Reset)))


def test_layers_of_one_shape_get_weights_of_their_own():
    state = drawn(SK(groups=1), name="resnet20")
    shapes = [value for value in state.values() if value.shape == (16, 16, 3, 3)]
    assert len(shapes) > 5
    assert len({value.sum().item() for value in shapes}) == len(shapes)
