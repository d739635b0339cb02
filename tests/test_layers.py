import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from senet.errors import UsageError
from senet.layers import conv, conv_bn, conv_bn_act, conv_bn_relu, conv_weights

sizes = st.integers(1, 12)


@settings(deadline=None)
@given(groups=sizes, per_group_in=sizes, per_group_out=sizes, kernel_size=st.sampled_from([1, 3, 5, 7]))
def test_grouped_convolution_has_one_gth_of_the_weights(groups, per_group_in, per_group_out, kernel_size):
    channels = groups * per_group_in, groups * per_group_out
    with torch.device("meta"):
        built, torchs = conv(*channels, kernel_size, groups=groups), nn.Conv2d(*channels, kernel_size, groups=groups)
    count = conv_weights(*channels, kernel_size, groups)
    assert built.weight.numel() == torchs.weight.numel() == count
    assert count == kernel_size * kernel_size * per_group_in * per_group_out * groups  # g small convolutions
    assert conv_weights(*channels, kernel_size) == groups * count


# 3x3, 256 -> 256 in 32 groups: the middle of ResNeXt-50's third stage.
def test_weights_of_a_published_layer():
    assert conv_weights(256, 256, 3, groups=32) == 18_432


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 8, 9])
def test_size_changes_by_the_stride_alone(kernel_size, dilation, stride, size):
    y = conv(2, 4, kernel_size, stride=stride, dilation=dilation)(torch.zeros(1, 2, size, size))
    assert y.shape == (1, 4, -(-size // stride), -(-size // stride))


def test_a_group_sees_only_its_own_channels():
    layer, x = conv(6, 4, 3, groups=2), torch.randn(1, 6, 5, 5)
    changed = x.clone()
    changed[:, :3] += 1
    difference = (layer(changed) - layer(x)).abs().amax((0, 2, 3))
    assert (difference[:2] > 0).all()
    assert (difference[2:] == 0).all()


def test_conv_bn_relu_is_the_three_in_order():
    layers, x = conv_bn_relu(3, 4, 3), torch.randn(2, 3, 5, 5)
    assert torch.equal(layers(x), layers.bn(layers.conv(x)).relu())
    assert list(dict(conv_bn(3, 4, 3).named_children())) == ["conv", "bn"]
    assert layers.conv.bias is None


def test_conv_bn_act_takes_any_norm_and_activation():
    layers = conv_bn_act(4, 6, 5, stride=2, groups=2, norm=nn.InstanceNorm2d, activation=nn.Hardswish)
    x = torch.randn(2, 4, 7, 8)
    assert layers(x).shape == (2, 6, 4, 4)
    assert torch.equal(layers(x), nn.functional.hardswish(nn.functional.instance_norm(layers.conv(x))))
    assert layers.conv.groups == 2
    assert torch.equal(conv_bn_act(4, 6, 3)(torch.zeros(1, 4, 5, 5)), torch.zeros(1, 6, 5, 5))


@pytest.mark.parametrize("make", [conv, conv_bn, conv_bn_act, conv_bn_relu, conv_weights])
@pytest.mark.parametrize(
    ("channels", "groups", "remedy"),
    [((64, 128), 3, 2), ((6, 4), 4, 2), ((5, 7), 32, 1), ((8, 8), 0, 1), ((8, 8), -2, 1)],
)
def test_channels_that_do_not_divide_are_refused(make, channels, groups, remedy):
    with pytest.raises(UsageError, match=f"{channels[0]} -> {channels[1]} channels .* {groups} groups") as error:
        make(*channels, 3, groups=groups)
    assert error.value.do.endswith(f"instance {remedy}")
    assert make(*channels, 3, groups=remedy)
