# The hidden width of a gate: a network must not end up with gates that are the same constant for every image.

import pytest
import torch
from torch import nn

from senet.attention import SE, SPECS, Effect, SqueezeExcite
from senet.errors import UsageError

REDUCING = [kind for kind in SPECS.values() if hasattr(kind(), "reduction")]
each_reducing = pytest.mark.parametrize("kind", REDUCING, ids=lambda kind: kind.__name__)
each_reducing_gate = pytest.mark.parametrize(
    "kind", [kind for kind in REDUCING if kind.slot == "gate"], ids=lambda kind: kind.__name__
)


@pytest.mark.parametrize(("reduction", "channels"), [(16, 8), (16, 15), (32, 16), (5, 4), (9, 8)])
@each_reducing_gate
def test_an_impossible_reduction_names_channels_reduction_and_the_largest_that_works(kind, reduction, channels):
    with pytest.raises(UsageError) as error:
        kind(reduction=reduction)(channels)
    assert f"{channels} channels" in error.value.what
    assert f"reduction={reduction}" in error.value.what
    largest, rest = error.value.do.split(maxsplit=1)
    assert rest.startswith(f"is the largest reduction that works for {channels} channels")
    assert kind(reduction=int(largest))(channels) is not None
    with pytest.raises(UsageError, match="hidden unit"):
        kind(reduction=int(largest) + 1)(channels)


@each_reducing_gate
def test_at_the_largest_reduction_the_gate_is_no_constant(kind, shake):
    with pytest.raises(UsageError) as error:
        kind(reduction=100)(8)
    block = shake(kind(reduction=int(error.value.do.split()[0]))(8))
    for module in block.modules():
        if hasattr(module, "fc1") and module.fc1.bias is not None:
            nn.init.constant_(module.fc1.bias, 3.0)  # a single unit that its ReLU keeps off says nothing
    one, other = torch.randn(2, 8, 4, 4, dtype=torch.float64)
    change = block.weights if block.effect is Effect.MULTIPLIES else block.term
    assert not torch.allclose(change(one[None]), change(other[None]), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 4, 15])
def test_minimum_rescues_a_narrow_map(channels):
    assert SE(minimum=1)(channels).fc1.out_features == 1
    assert SE(minimum=4)(channels).fc1.out_features == 4


def test_minimum_raises_and_never_lowers():
    assert [SE(reduction=4, minimum=8).hidden(channels) for channels in (16, 32, 64)] == [8, 8, 16]


@each_reducing_gate
def test_only_a_spec_with_a_minimum_advises_one(kind):
    with pytest.raises(UsageError) as error:
        kind()(8)
    assert ("minimum" in str(error.value)) == hasattr(kind(), "minimum")


@pytest.mark.parametrize("hidden", [0, -1])
def test_a_block_without_hidden_units_is_refused(hidden):
    with pytest.raises(UsageError, match="at least 1 hidden unit"):
        SqueezeExcite(8, hidden)


@pytest.mark.parametrize("reduction", [0, -4])
@each_reducing
def test_reduction_below_one_is_refused(kind, reduction):
    with pytest.raises(UsageError, match=f"reduction={reduction}"):
        kind(reduction=reduction)
