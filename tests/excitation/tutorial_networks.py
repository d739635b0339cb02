"""Gates as tutorials and users write them, in a small network; a module keeps what it multiplied."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Net(nn.Module):
    """A convolution, units, a classifier; of images, sequences or videos."""

    def __init__(self, *units: nn.Module, channels: int = 8, axes: int = 2) -> None:
        super().__init__()
        self.stem = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1](3, channels, 3, padding=1)
        self.units, self.fc = nn.Sequential(*units), nn.Linear(channels, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.units(self.stem(x)).flatten(2).mean(2))


class Keeps(nn.Module):
    """Remembers the map and the weights of its last product."""

    def product(self, x: Tensor, gate: Tensor) -> Tensor:
        self.x, self.gate_values = x.detach().clone(), gate.detach().clone()
        return x * gate


class HSigmoid(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x + 3.0, inplace=True) / 6.0


class SELayer(Keeps):
    """Two linear layers in a sequence that ends in an activation; views there and back."""

    def __init__(self, channels: int = 8, act: nn.Module | None = None, how: str = "view") -> None:
        super().__init__()
        layers = nn.Linear(channels, 4), nn.ReLU(inplace=True), nn.Linear(4, channels), act or nn.Sigmoid()
        self.fc, self.how = nn.Sequential(*layers), how

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x.flatten(2).mean(2))
        if self.how == "in place":
            self.x, self.gate_values = x.clone(), y[(..., *(None,) * (x.ndim - 2))]
            return x.clone().mul_(self.gate_values)
        if self.how == "flat":
            return self.product(x.flatten(2), y.unsqueeze(-1)).view_as(x)
        y = y[(..., *(None,) * (x.ndim - 2))] if self.how == "index" else y.view(*y.shape, *(1,) * (x.ndim - 2))
        return self.product(x, y.expand_as(x) if self.how == "expand" else y)


class SeModule(Keeps):
    """1x1 convolutions with norms behind a pool, all in one sequence."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        first, second = nn.Conv2d(channels, 4, 1, bias=False), nn.Conv2d(4, channels, 1, bias=False)
        layers = nn.AdaptiveAvgPool2d(1), first, nn.BatchNorm2d(4), nn.ReLU(), second, nn.BatchNorm2d(channels)
        self.se = nn.Sequential(*layers, HSigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return self.product(x, self.se(x))


class Functional(Keeps):
    """Everything in the unit's own forward: no module returns the gate."""

    def __init__(self, channels: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.bn, self.fc1, self.fc2 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        y = F.dropout(self.bn(x), self.dropout, self.training)
        g = torch.sigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(y, 1)))))
        return x + self.product(y, g)


class EcaLayer(Keeps):
    """A convolution over the channels."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.conv, self.sigmoid = nn.Conv1d(1, 1, 3, padding=1, bias=False), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return self.product(x, self.sigmoid(y).expand_as(x))


class ChannelAttention(nn.Module):
    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, channels, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.mlp(x.mean((2, 3), keepdim=True)) + self.mlp(x.amax((2, 3), keepdim=True)))


class SpatialAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.sigmoid = nn.Conv2d(2, 1, 3, padding=1, bias=False), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.sigmoid(self.conv(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)))


class Cbam(nn.Module):
    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.ca, self.sa = ChannelAttention(channels), SpatialAttention()

    def forward(self, x: Tensor) -> Tensor:
        x = self.ca(x) * x
        return self.sa(x) * x


class ScSE(nn.Module):
    """Channels and positions side by side, 1803.02579."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.cse = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid())
        self.sse = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.cse(x) + x * self.sse(x)


class SKAttention(nn.Module):
    """Branches stacked in front of the batch, or behind it; one linear layer a branch."""

    def __init__(self, channels: int = 8, kernels: tuple[int, ...] = (1, 3), axis: int = 0, functional=False) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, k, padding=k // 2) for k in kernels)
        self.fc, self.fcs = nn.Linear(channels, 4), nn.ModuleList(nn.Linear(4, channels) for _ in kernels)
        self.softmax, self.axis, self.functional = nn.Softmax(axis), axis, functional

    def forward(self, x: Tensor) -> Tensor:
        outs = [conv(x) for conv in self.convs]
        z = self.fc(sum(outs).mean(-1).mean(-1))
        logits = torch.stack([fc(z).view(*x.shape[:2], 1, 1) for fc in self.fcs], self.axis)
        self.weights = logits.softmax(self.axis) if self.functional else self.softmax(logits)
        return (self.weights * torch.stack(outs, self.axis)).sum(self.axis)


class Grouped(nn.Module):
    """Channels or positions weighed in groups that stand in the batch as images."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes, self.sigmoid = axes, nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(-1, x.shape[1] // 2, *x.shape[2:])
        self.gate_values = self.sigmoid(y.mean(self.axes, keepdim=True))
        return (y * self.gate_values).view_as(x)


class ChannelsLast(nn.Module):
    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes, self.sigmoid = axes, nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = x.permute(0, 2, 3, 1)
        self.gate_values = self.sigmoid(y.mean(self.axes, keepdim=True))
        return (y * self.gate_values).permute(0, 3, 1, 2)


class OnePlus(Keeps):
    """BAM's form with channels alone: the map and what its weights add."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.product(x, 1 + torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True))))


class Of(nn.Module):
    """A unit that is one function of a map and a 1x1 convolution."""

    def __init__(self, function, channels: int = 8, out: int = 8) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(channels, out, 1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.conv)
