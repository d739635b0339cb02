# Our network and another implementation of it with the same random weights; see test_parity.py for why float64.

import torch
from test_parity import randomise
from torch import nn

from senet.accounting import cost


class ReferenceSE(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        return x * self.up(self.down(x.mean((2, 3), keepdim=True)).clamp(min=0)).sigmoid()


def on_meta(spec, num_classes=1000, in_channels=3):
    with torch.device("meta"):
        return spec.build(num_classes, in_channels)


def counted(spec):
    return cost(on_meta(spec))


def parameters(spec):
    return sum(parameter.numel() for parameter in on_meta(spec).parameters())


def twins(spec, build):
    """The spec's network and build()'s, tensor by tensor in the order of their state dicts."""
    with torch.device("meta"):
        theirs = build()
    ours, state = on_meta(spec), settle(randomise(theirs)).state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)), assign=True)
    return ours.eval(), theirs


@torch.no_grad()
def settle(model):
    """Statistics of a batch in the norms: with any others a deep network of gates forgets its input."""
    norms = [(m, m.momentum) for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm, _ in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the batch's own
    model.train()(torch.randn(8, 3, 64, 64, dtype=torch.float64))
    for norm, momentum in norms:
        norm.momentum = momentum
        norm.running_var.clamp_(min=norm.running_var.mean() / 10)  # a dead channel would amplify rounding
    return model.eval()
