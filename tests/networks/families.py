# One small network of every family, built in about a tenth of a second each.
from dataclasses import replace

import torch

from senet.networks import NETWORKS, initialise

CHANGES = {
    "se_resnet8": {},
    "cbam_resnet18": {"depths": (1, 1, 1, 1)},
    "senet154": {
        "depths": (1, 1, 1, 1),
        "widths": (64, 128, 256, 512),
        "channels": (64, 128, 256, 512),
        "reduced": (32, 64, 128, 256),
        "groups": 16,
    },
    "sknet26": {"depths": (1, 1, 1, 1)},
    "resnext29_16x32d": {"depths": (1, 1, 1)},
    "se_preact_resnet164": {"depths": (1, 1, 1)},
    "se_wrn_16_8": {"depths": (1, 1, 1), "widths": (16, 32, 64), "channels": (16, 32, 64)},
    "se_shake_shake_26_2x96d": {"depths": (1, 1, 1), "channels": (16, 32, 64)},
    "se_vgg16_bn": {"blocks": ((16,), (16,), (16,), (16,), (16,))},
    "se_mobilenet_v1": {},
    "mobilenet_v3_small": {},
    "se_shufflenet_v1_g3": {},
    "se_shufflenet_v2_x0_5": {},
    "se_bn_inception": {},
    "se_inception_resnet_v2": {},
}


def spec(name):
    row = replace(NETWORKS[name], **CHANGES[name])
    if name == "se_inception_resnet_v2":
        row = replace(row, stages=tuple(replace(stage, depth=1) for stage in row.stages))
    return row


def build(name, num_classes=5):
    return initialise(spec(name).build(num_classes, 3))


def odd_images(name, batch=2):
    height, width = (33, 35) if NETWORKS[name].size == 32 else (97, 101)
    return torch.randn(batch, 3, height, width)
