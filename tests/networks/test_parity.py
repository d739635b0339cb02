# Logits against torchvision and timm in float64, with copied weights and random batch norms. A right count of
# parameters can hide a wrong stride, pool, epsilon or order; so would float32, since random weights amplify
# its rounding to 1e-3.

import re
from functools import partial

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from senet.attention import CBAM, SE, SK
from senet.networks import create

# Applied in order. Torchvision's and timm's stems have no name; timm's SK-ResNets nest their layers as we do.
RENAMES = [
    (r"^(conv|bn)1\.", r"layer0.\g<1>1."),
    (r"^layer0\.(conv|bn)(\d)\.", r"stem.conv\2.\1."),
    (r"^layer(\d)", lambda match: f"stage{int(match[1]) + 1}"),
    (r"^(stage\d\.\d+)\.conv(\d)\.(conv|bn|paths|attn)\.", r"\1.branch.conv\2.\3."),
    (r"^(stage\d\.\d+)\.(conv|bn)(\d)\.", r"\1.branch.conv\3.\2."),
    (r"\.paths\.", ".branches."),
    (r"\.attn\.fc_reduce\.", ".fc1."),
    (r"\.attn\.bn\.", ".bn1."),
    (r"\.attn\.fc_select\.", ".fc2."),
    (r"\.downsample\.0\.", ".shortcut.conv."),
    (r"\.downsample\.1\.", ".shortcut.bn."),
    (r"\.(se|se_module)\.", ".attention."),
    (r"\.cbam\.mlp\.0\.", ".attention.channel.fc1."),
    (r"\.cbam\.mlp\.2\.", ".attention.channel.fc2."),
    (r"\.cbam\.", ".attention.spatial."),
    (r"^(fc|last_linear)\.", "head.fc."),
]


def renamed(state):
    for pattern, replacement in RENAMES:
        state = {re.sub(pattern, replacement, key): value for key, value in state.items()}
    # Our fuse step is linear where timm's is a 1x1 convolution.
    return {k: v.flatten(1) if re.search(r"conv2\.fc\d\.weight", k) else v for k, v in state.items()}


def randomise(model):
    # Scales below one keep deep networks from amplifying float64's rounding too.
    model.double().to_empty(device="cpu").eval()
    for name, tensor in model.state_dict().items():
        if tensor.ndim > 1:
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("weight"):
            tensor.uniform_(0.2, 0.8)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.1)
    return model


def load(model, state):
    model.load_state_dict(renamed(state), assign=True)
    return model.eval()


@torch.no_grad()
def difference(ours, theirs, size):
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    expected = theirs(x)
    one, other = expected
    assert (one - other).abs().max() > 1e-3 * expected.abs().max()  # the images reach the logits
    return (ours(x) - expected).abs().max() / expected.abs().max()


def resnext101_32x4d():
    return torchvision.models.ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=4)


# The arithmetic of github.com/Jongchan/attention-module, MODELS/cbam.py.
class AuthorsCBAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(channels, channels // 16), nn.ReLU(), nn.Linear(channels // 16, channels))
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(1, eps=1e-5, momentum=0.01)

    def forward(self, x):
        logits = self.mlp(F.adaptive_avg_pool2d(x, 1).flatten(1)) + self.mlp(F.adaptive_max_pool2d(x, 1).flatten(1))
        x = x * logits.sigmoid()[:, :, None, None]
        pooled = torch.stack([x.max(dim=1).values, x.mean(dim=1)], dim=1)
        return x * self.bn(self.conv(pooled)).sigmoid()


def with_cbam(build):
    model = build()
    for block in [module for module in model.modules() if isinstance(module, BasicBlock | Bottleneck)]:
        last = block.bn3 if isinstance(block, Bottleneck) else block.bn2
        block.cbam = AuthorsCBAM(last.num_features)
        last.register_forward_hook(lambda module, args, y, cbam=block.cbam: cbam(y))
    return model


PLAIN = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"]
PLAIN += ["resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]
LEGACY = ["resnext26_32x4d", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x4d"]

PAIRS = {
    **{f"torchvision {name}": (name, "torch", None, getattr(torchvision.models, name)) for name in PLAIN},
    "torchvision resnext101_32x4d": ("resnext101_32x4d", "torch", None, resnext101_32x4d),
    **{f"timm legacy_se{n}": (f"se_{n}", "caffe", SE(), f"legacy_se{n}") for n in LEGACY},
    "timm legacy_senet154": ("senet154", "caffe", SE(), "legacy_senet154"),
    # timm rounds the 4 hidden units of 64 channels up to 8.
    "timm seresnet18": ("se_resnet18", "torch", SE.timm(), "seresnet18"),
    "timm seresnet34": ("se_resnet34", "torch", SE.timm(), "seresnet34"),
    "timm seresnet50": ("se_resnet50", "torch", SE.timm(), "seresnet50"),
    "torchvision resnet18 with CBAM": (
        "cbam_resnet18",
        "torch",
        CBAM(),
        partial(with_cbam, torchvision.models.resnet18),
    ),
    "torchvision resnet50 with CBAM": (
        "cbam_resnet50",
        "torch",
        CBAM(),
        partial(with_cbam, torchvision.models.resnet50),
    ),
    "timm skresnext50_32x4d": ("sknet50", "torch", SK(), "skresnext50_32x4d"),
}


# Each unit, plain and grouped, either geometry, each attention, and timm's rounding of its hidden units.
QUICK = [f"torchvision {name}" for name in ("resnet18", "resnet50", "resnet18 with CBAM")]
QUICK += [f"timm {name}" for name in ("legacy_seresnext50_32x4d", "seresnet18", "skresnext50_32x4d")]


def pair(case):
    return pytest.param(*PAIRS[case], id=case, marks=[] if case in QUICK else [pytest.mark.slow])


def twins(name, geometry, attention, reference):
    with torch.device("meta"):
        theirs = timm.create_model(reference) if isinstance(reference, str) else reference()
        ours = create(name, geometry=geometry, attention=attention)
    return load(ours, randomise(theirs).state_dict()), theirs


@pytest.mark.slow
@pytest.mark.parametrize("case", PAIRS)
def test_logits_equal_at_the_native_size(case):
    assert difference(*twins(*PAIRS[case]), 224) < 1e-12


@pytest.mark.parametrize(("name", "geometry", "attention", "reference"), [pair(case) for case in PAIRS])
def test_logits_equal_with_copied_weights(name, geometry, attention, reference):
    ours, theirs = twins(name, geometry, attention, reference)
    assert difference(ours, theirs, 64) < 1e-12
    assert difference(ours, theirs, 97) < 1e-12  # strides and pools that agree at even sizes


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "sknet26",
        "cbam_resnet18",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("resnet50", "resnext50_32x4d", "senet154", "sknet50")
        ),
    ],
)
def test_geometries_share_weights_and_differ_in_logits(name):
    with torch.device("meta"):
        caffe, torch_ = create(name, geometry="caffe"), create(name, geometry="torch")
    caffe.load_state_dict(randomise(torch_).state_dict(), assign=True)
    assert difference(caffe.eval(), torch_, 64) > 1e-3  # nine orders over the tolerance


def test_one_wrong_epsilon_shows():
    with torch.device("meta"):
        theirs, ours = torchvision.models.resnet50(), create("resnet50", geometry="torch")
    load(ours, randomise(theirs).state_dict())
    ours.stage4[5].branch.conv3.bn.eps = 1e-6
    assert difference(ours, theirs, 64) > 1e-9
