"""Every network by name, one frozen spec per published row."""

from senet.networks import (
    inception_resnet_rows,
    inception_rows,
    mobilenet,
    mobilenet_v3_rows,
    preact,
    resnet_rows,
    resnext_cifar,
    shake_shake,
    shufflenet,
    shufflenet_v2,
    vgg,
)
from senet.networks.network import NetworkSpec

NETWORKS: dict[str, NetworkSpec] = {
    **resnet_rows.ROWS,
    **inception_rows.ROWS,
    **inception_resnet_rows.ROWS,
    **preact.ROWS,
    **resnext_cifar.ROWS,
    **shake_shake.ROWS,
    **vgg.ROWS,
    **mobilenet.ROWS,
    **mobilenet_v3_rows.ROWS,
    **shufflenet.ROWS,
    **shufflenet_v2.ROWS,
}
