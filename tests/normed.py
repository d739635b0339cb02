"""A network with norms of every kind, and what of it each way of freezing leaves alone."""

from timm.layers import BatchNormAct2d
from torch import nn


class Normed(nn.Module):
    """(B, 1, H, W) -> (B, 3); each norm is named after what is particular about it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.plain = nn.BatchNorm2d(6)
        self.cumulative = nn.BatchNorm2d(6, momentum=None)
        self.acting = BatchNormAct2d(6, act_layer=nn.PReLU)
        self.unscaled = nn.BatchNorm2d(6, affine=False)
        self.untracked = nn.BatchNorm2d(6, track_running_stats=False)
        self.instance = nn.InstanceNorm2d(6, affine=True, track_running_stats=True)
        self.instance_untracked = nn.InstanceNorm2d(6, affine=True)
        self.group, self.layer = nn.GroupNorm(2, 6), nn.LayerNorm(6)
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        x = self.conv(x)
        for norm in (self.plain, self.cumulative, self.acting, self.unscaled, self.untracked):
            x = norm(x).tanh()  # else the next norm would undo scale and shift
        for norm in (self.instance, self.instance_untracked, self.group):
            x = norm(x).tanh()
        return self.fc(self.layer(x.mean((2, 3))))


BATCHES, SCALED, STATISTICS = "num_batches_tracked", ("weight", "bias"), ("running_mean", "running_var")
# What a step of training moves; an instance norm counts no batches.
TENSORS = {
    "conv": ("weight",),
    "plain": (*SCALED, *STATISTICS, BATCHES),
    "cumulative": (*SCALED, *STATISTICS, BATCHES),
    "acting": (*SCALED, "act.weight", *STATISTICS, BATCHES),
    "unscaled": (*STATISTICS, BATCHES),
    "untracked": SCALED,
    "instance": (*SCALED, *STATISTICS),
    "instance_untracked": SCALED,
    "group": SCALED,
    "layer": SCALED,
    "fc": SCALED,
}
WITH_STATISTICS = ("plain", "cumulative", "acting", "unscaled", "instance")


def tensors(modules=TENSORS):
    """Return the names of what training moves in some modules."""
    return {f"{module}.{name}" for module in modules for name in TENSORS[module]}
