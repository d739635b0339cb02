"""Every network by name, one frozen spec per published row."""

from senet.networks import mobilenet, preact, shake_shake, shufflenet, shufflenet_v2, vgg
from senet.networks.network import NetworkSpec
from senet.networks.published import inception, inception_resnet, mobilenet_v3, resnet, resnext_cifar

NETWORKS: dict[str, NetworkSpec] = {
    **resnet.ROWS,
    **inception.ROWS,
    **inception_resnet.ROWS,
    **preact.ROWS,
    **resnext_cifar.ROWS,
    **shake_shake.ROWS,
    **vgg.ROWS,
    **mobilenet.ROWS,
    **mobilenet_v3.ROWS,
    **shufflenet.ROWS,
    **shufflenet_v2.ROWS,
}
