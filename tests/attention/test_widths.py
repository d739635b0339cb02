# The hidden width of a gate: a network must not end up with gates that are the same constant for every image.

import pytest

from senet.attention import CBAM, SE, SqueezeExcite
from senet.errors import UsageError


@pytest.mark.parametrize(
    ("spec", "channels"),
    [(SE(), 8), (SE.paper(), 15), (SE(reduction=32), 16), (SE(reduction=5), 4), (CBAM(), 8), (CBAM(reduction=9), 8)],
)
def test_impossible_reduction_names_channels_reduction_and_the_largest_that_works(spec, channels):
    with pytest.raises(UsageError) as error:
        spec(channels)
    assert f"{channels} channels" in error.value.what
    assert f"reduction={spec.reduction}" in error.value.what
    assert error.value.do.startswith(f"{channels} is the largest reduction")
    assert type(spec)(reduction=channels)(channels) is not None


@pytest.mark.parametrize("channels", [1, 4, 15])
def test_minimum_rescues_a_narrow_map(channels):
    assert SE(minimum=1)(channels).fc1.out_features == 1
    assert SE(minimum=4)(channels).fc1.out_features == 4


def test_minimum_raises_and_never_lowers():
    assert [SE(reduction=4, minimum=8).hidden(channels) for channels in (16, 32, 64)] == [8, 8, 16]


def test_only_a_spec_with_a_minimum_advises_one():
    with pytest.raises(UsageError, match="minimum"):
        SE()(8)
    with pytest.raises(UsageError) as error:
        CBAM()(8)
    assert "minimum" not in str(error.value)


@pytest.mark.parametrize("hidden", [0, -1])
def test_a_block_without_hidden_units_is_refused(hidden):
    with pytest.raises(UsageError, match="at least 1 hidden unit"):
        SqueezeExcite(8, hidden)


@pytest.mark.parametrize("reduction", [0, -4])
@pytest.mark.parametrize("kind", [SE, CBAM])
def test_reduction_below_one_is_refused(kind, reduction):
    with pytest.raises(UsageError, match=f"reduction={reduction}"):
        kind(reduction=reduction)
