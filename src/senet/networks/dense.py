"""dense(): a classifier as a fully convolutional network, image to map of class scores."""

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from torch import nn

from senet.errors import UsageError
from senet.networks.network import Network


def dense(model: Network) -> Network:
    """Return a copy of a trained classifier that maps (B, in_channels, H, W) to (B, num_classes, H', W').

    The linear layer moves before the global average pooling (Lin et al., Network in Network, arXiv 1312.4400)
    as a 1x1 convolution, and the pooling is left out. Both are linear, so they commute: the mean of the map
    is the classifier's logits, at any image size, to rounding. H' and W' are the last stage's.

    The map is not the classifier slid over the image. Its value at (i, j) equals the classifier's logits for
    the crop that (i, j) sees only in a network without padding and without a global squeeze. With padding, the
    crop's border meets zeros where the whole image had pixels; with attention, the weights are
    computed from the whole image, and from the crop alone when it is alone. All published networks here pad,
    so on them a window of the map is near the crop's logits at best.

    Args:
        model: A network whose head ends in global average pooling and one linear layer. It stays as it is;
            the copy shares no memory with it. Hooks on its pooling, dropout and linear layers are not copied.

    Raises:
        UsageError: Something that is not linear stands between pooling and logits, so that no map has the
            logits as its mean (VGG's and MobileNetV3's hidden layers), or the head is none that we know.
    """
    if not isinstance(model, Network) or not isinstance(model.head, nn.Sequential):
        raise _refusal(f"a {type(model).__name__}", "has no head of pooling and a linear layer")
    twin = copy.deepcopy(model)
    twin.head = _like(model.head, nn.Sequential(_without_pooling(OrderedDict(twin.head.named_children()))))
    return twin


def _without_pooling(layers: "OrderedDict[str, nn.Module]") -> "OrderedDict[str, nn.Module]":
    names = list(layers)
    pools = [name for name in names if _is_global_average(layers[name])]
    if len(pools) != 1:
        raise _refusal(f"a head of {', '.join(names)}", "has no single global average pooling")
    start = names.index(pools[0])
    after = {name: layers[name] for name in names[start + 1 :] if type(layers[name]) is not nn.Flatten}
    moved = OrderedDict((name, layers[name]) for name in names[:start])
    kinds = [type(layer) for layer in after.values()]
    if kinds[-1:] != [nn.Linear] or set(kinds[:-1]) - {nn.Dropout}:
        found = ", ".join(kind.__name__ for kind in kinds) or "nothing"
        raise _refusal(f"a head with {found} behind the pooling", "has not one linear layer there")
    moved.update((name, _like(layer, MOVED[type(layer)](layer))) for name, layer in after.items())
    return moved


def _is_global_average(layer: nn.Module) -> bool:
    return isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size in (1, (1, 1))


def _like(old: nn.Module, new: nn.Module) -> nn.Module:
    new.training = old.training
    return new


def _over_channels(dropout: Any) -> nn.Module:
    """Dropout of a pooled channel is dropout of the channel's map."""
    return nn.Dropout2d(dropout.p)


def _pointwise(linear: Any) -> nn.Module:
    """The linear layer as a 1x1 convolution with the same values."""
    weight, bias = linear.weight, linear.bias
    # On the meta device the convolution's own initialisation draws no random numbers.
    convolution = nn.Conv2d(linear.in_features, linear.out_features, 1, bias=bias is not None, device="meta")
    convolution.weight = nn.Parameter(weight.detach()[:, :, None, None], weight.requires_grad)
    if bias is not None:
        convolution.bias = nn.Parameter(bias.detach(), bias.requires_grad)
    return convolution


MOVED: dict[type[nn.Module], Callable[[Any], nn.Module]] = {nn.Dropout: _over_channels, nn.Linear: _pointwise}


def _refusal(what: str, why: str) -> UsageError:
    return UsageError(
        f"dense() turns a linear classifier behind a global average pooling into a map; {what} {why}",
        do="use model.features(x) for this network's maps, or a network with such a head, for instance resnet50",
    )
