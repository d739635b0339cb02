"""The other libraries' networks with and without attention, for benchmarks/overhead.py; without downloads."""

from typing import cast

from torch import nn

from overhead_sides import Make, without


def timm(name: str) -> Make:
    """A network of timm's."""

    def make() -> nn.Module:
        from timm import create_model

        return create_model(name)

    return make


def timm_cbam() -> nn.Module:
    """ResNet-50 with CBAM, timm's."""
    from timm import create_model

    return create_model("resnet50", block_args={"attn_layer": "cbam"})


def timm_mobilenet_plain() -> nn.Module:
    """MobileNetV3-Large without SE, timm's."""
    from timm import create_model
    from timm.models._efficientnet_blocks import SqueezeExcite

    return without(create_model("mobilenetv3_large_100"), SqueezeExcite)


def torchvision_mobilenet() -> nn.Module:
    """MobileNetV3-Large, torchvision's."""
    from torchvision.models import mobilenet_v3_large

    return cast(nn.Module, mobilenet_v3_large())


def torchvision_mobilenet_plain() -> nn.Module:
    """The same without SE."""
    from torchvision.ops import SqueezeExcitation

    return without(torchvision_mobilenet(), SqueezeExcitation)


def pytorchcv(name: str) -> Make:
    """A network of pytorchcv's."""

    def make() -> nn.Module:
        from pytorchcv.model_provider import get_model

        return cast(nn.Module, get_model(name))

    return make


def pytorchcv_resnet(name: str) -> Make:
    """The same for any size of images: pytorchcv pools 7 x 7 positions."""

    def make() -> nn.Module:
        model = pytorchcv(name)()
        model.set_submodule("features.final_pool", nn.AdaptiveAvgPool2d(1), strict=True)
        return model

    return make


def pytorchcv_mobilenet_plain() -> nn.Module:
    """MobileNetV3-Large without SE, pytorchcv's."""
    from pytorchcv.models.common.att import SEBlock

    return without(pytorchcv("mobilenetv3_large_w1")(), SEBlock)
