"""Networks for sequences as users write them: of an ECG, of a waveform, of events; with tokens behind, or in front."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Unit1d(nn.Module):
    """A basic residual unit of a network for ECGs."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(inside, outside, 7, stride, 3, bias=False), nn.BatchNorm1d(outside)
        self.conv2, self.bn2 = nn.Conv1d(outside, outside, 7, 1, 3, bias=False), nn.BatchNorm1d(outside)
        self.project = nn.Identity()
        if stride > 1 or inside != outside:
            self.project = nn.Sequential(nn.Conv1d(inside, outside, 1, stride, bias=False), nn.BatchNorm1d(outside))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.project(x))


class ResNet1d(nn.Module):
    """Twelve leads, three stages of two units."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(12, 16, 15, 2, 7), nn.BatchNorm1d(16), nn.ReLU())
        self.layer1 = nn.Sequential(Unit1d(16, 16, 1), Unit1d(16, 16, 1))
        self.layer2 = nn.Sequential(Unit1d(16, 32, 2), Unit1d(32, 32, 1))
        self.layer3 = nn.Sequential(Unit1d(32, 64, 2), Unit1d(64, 64, 1))
        self.fc = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.adaptive_avg_pool1d(self.layer3(self.layer2(self.layer1(self.stem(x)))), 1).flatten(1))


class M5(nn.Module):
    """Dai et al. 1610.00087, table 1: four convolutions of a waveform, each with norm, ReLU and pooling."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((1, 16, 80, 4), (16, 16, 3, 1), (16, 32, 3, 1), (32, 64, 3, 1))
        self.convs = nn.ModuleList(nn.Conv1d(*width) for width in widths)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width[1]) for width in widths)
        self.fc = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.max_pool1d(F.relu(norm(conv(x))), 4)
        return self.fc(x.mean(2))


class Causal(nn.Module):
    """Bai et al. 1803.01271, figure 1b: two dilated causal convolutions, cut at the end, and a shortcut."""

    def __init__(self, inside: int, outside: int, dilation: int) -> None:
        super().__init__()
        self.cut = 2 * dilation
        self.conv1 = nn.Conv1d(inside, outside, 3, padding=self.cut, dilation=dilation)
        self.conv2 = nn.Conv1d(outside, outside, 3, padding=self.cut, dilation=dilation)
        self.relu1, self.relu2, self.dropout = nn.ReLU(), nn.ReLU(), nn.Dropout(0.1)
        self.project = nn.Conv1d(inside, outside, 1) if inside != outside else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(self.relu1(self.conv1(x)[:, :, : -self.cut].contiguous()))
        y = self.relu2(self.conv2(y)[:, :, : -self.cut].contiguous())
        return F.relu(y + (x if self.project is None else self.project(x)))


class TCN(nn.Module):
    """Five units, each of twice the dilation of the last."""

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.Sequential(*(Causal(1 if i == 0 else 24, 24, 2**i) for i in range(5)))
        self.fc = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.units(x)[:, :, -1])


class ConvNeXt1d(nn.Module):
    """Liu et al. 2201.03545 of sequences: the branch goes to (B, L, C) and back."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.depthwise = nn.Conv1d(4, 16, 4, 4), nn.Conv1d(16, 16, 7, 1, 3, groups=16)
        self.norm, self.fc1, self.fc2 = nn.LayerNorm(16), nn.Linear(16, 64), nn.Linear(64, 16)
        self.last = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.fc2(F.gelu(self.fc1(self.norm(self.depthwise(x).transpose(1, 2)))))
        return x + self.last(y.transpose(1, 2))


class Speech(nn.Module):
    """Baevski et al. 2006.11477 in small: convolutions of a waveform, a convolved position, a transformer."""

    def __init__(self, layers: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv1d(1, 16, 10, 5), nn.GELU(), nn.Conv1d(16, 16, 8, 4), nn.GELU())
        self.position = nn.Conv1d(16, 16, 3, padding=1, groups=4)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x).transpose(1, 2)
        x = x + F.gelu(self.position(x.transpose(1, 2)).transpose(1, 2))
        return self.encoder(x)


class Spectrogram(nn.Module):
    """A bank of filters of a waveform, whose energies a network for images sees (Kong et al. 1912.10211)."""

    def __init__(self, images: nn.Module) -> None:
        super().__init__()
        self.real, self.imaginary = (nn.Conv1d(1, 32, 64, 16, bias=False) for _ in range(2))
        self.images = images

    def forward(self, x: Tensor) -> Tensor:
        energy = torch.log1p(self.real(x) ** 2 + self.imaginary(x) ** 2)
        return self.images(energy[:, None].expand(-1, 3, -1, -1))


class Squeezed(nn.Module):
    """A convolution over maps of any number of axes, and a squeeze-and-excitation written by hand."""

    def __init__(self, conv: nn.Module, channels: int) -> None:
        super().__init__()
        self.conv, self.down, self.up = conv, nn.Linear(channels, 2), nn.Linear(2, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = torch.sigmoid(self.up(F.relu(self.down(x.flatten(2).mean(2)))))
        return x * gate.view(*gate.shape, *[1] * (x.ndim - 2))
