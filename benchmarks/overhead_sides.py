"""What benchmarks/overhead.py times: a network made ready, on one batch; the same layout and statistics for everybody.

channels_last and float32 on all sides, running statistics of a batch, norms with drawn weights. By default timm,
torchvision and pytorchcv leave the layout to the user (contiguous), and torch's norms start at one and zero.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Make = Callable[[], nn.Module]
Run = Callable[[], Tensor]  # one forward pass or one training step; returns the output or the loss
Prepare = Callable[[nn.Module], Run]
Shape = tuple[int, int, int, int]
LR = 1e-4  # so small that steps on one batch of noise never diverge


def inference(shape: Shape) -> Prepare:
    """Return what prepares an eager forward pass under ``torch.inference_mode()``."""

    def prepare(model: nn.Module) -> Run:
        return forward(settled(model, shape).eval(), batch(shape))

    return prepare


def compiled(shape: Shape) -> Prepare:
    """Return what prepares the same, compiled by ``torch.compile`` with its defaults."""

    def prepare(model: nn.Module) -> Run:
        # dynamic=False: else the second network compiled here, whose widths differ from the first's, would get
        # symbolic sizes that one compiled alone does not.
        return forward(torch.compile(settled(model, shape).eval(), dynamic=False), batch(shape))

    return prepare


def forward(model: Callable[[Tensor], Tensor], x: Tensor) -> Run:
    def run() -> Tensor:
        with torch.inference_mode():
            return model(x)

    return run


def training(shape: Shape, classes: int) -> Prepare:
    """Return what prepares an eager training step: forward, cross entropy, backward, SGD with momentum and decay."""

    def prepare(model: nn.Module) -> Run:
        settled(model, shape).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9, weight_decay=1e-4)
        x, labels = batch(shape), torch.arange(shape[0]) % classes

        def step() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    return prepare


def batch(shape: Shape) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(memory_format=torch.channels_last)


@torch.no_grad()
def settled(model: nn.Module, shape: Shape) -> nn.Module:
    """Draw the weights of the norms and take their statistics from a batch, as nothing is when it is trained."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.1)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.to(memory_format=torch.channels_last).train()
    model(batch((max(shape[0], 4), *shape[1:])))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model


def without(model: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """Put the identity in the place of every module of a kind, for libraries that build no network without it."""
    names = [name for name, module in model.named_modules() if isinstance(module, kind)]
    assert names, f"no {kind.__name__} to take out"
    for name in names:
        model.set_submodule(name, nn.Identity())
    return model
