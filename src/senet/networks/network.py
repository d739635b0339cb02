"""The shape that all networks share, a stem, named stages and a head, and the slots that attention fills."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from senet.attention import AttentionSpec, build_convolution, build_gate, require_spec
from senet.networks.head import classifier_layer, classifier_widths, forward_pre_logits, reset_classifier

Geometry = Literal["caffe", "torch"]


@dataclass(frozen=True)
class Stage:
    """One resolution of a network.

    Args:
        name: As in the paper's tables: ``stage2`` is the first after the stem.
        channels: Of the stage's output.
        stride: Of the stage's output against the image.
    """

    name: str
    channels: int
    stride: int


class Network(nn.Module):
    """Classifier: stem, stages, head; x (B, in_channels, H, W) -> logits (B, num_classes).

    Args:
        stem: Up to the first stage.
        stages: Description and layers of each stage, in order; the layers become children of that name.
        head: The last stage's map -> logits.
    """

    def __init__(self, stem: nn.Module, stages: Sequence[tuple[Stage, nn.Module]], head: nn.Module) -> None:
        super().__init__()
        # Set by create(): weights of another geometry or gate fit without a trace, so loading has to know.
        self.name: str = ""
        self.spec: NetworkSpec | None = None
        self.origin: dict[str, Any] = {}  # of weights that create() loaded
        self.stages = tuple(stage for stage, _ in stages)
        self.stem = stem
        for stage, layers in stages:
            self.add_module(stage.name, layers)
        self.head = head
        self._entering = (
            classifier_widths(self)[0] or self.stages[-1].channels
        )  # outlives a classifier that is left out

    @property
    def num_features(self) -> int:
        """Channels that enter the classifier; those that a network without one puts out."""
        return classifier_widths(self)[0] or self._entering

    @property
    def num_classes(self) -> int:
        """Outputs of the classifier; 0 without one."""
        return classifier_widths(self)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (B, num_classes); without a classifier what would enter it, (B, num_features)."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the map that enters the head, the last stage's."""
        return self.features(x)[self.stages[-1].name]

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Return the logits of a map of :meth:`forward_features`, (B, num_classes).

        Args:
            x: The map.
            pre_logits: Return what enters the classifier instead, (B, num_features).

        Raises:
            UsageError: ``pre_logits`` of a head that is not ours and cannot be cut before its classifier.
        """
        if pre_logits:
            return forward_pre_logits(self, x)
        logits: Tensor = self.head(x)
        return logits

    def get_classifier(self) -> nn.Module:
        """Return the classifier: a linear layer, a 1x1 convolution in a dense network, ``nn.Identity`` without one."""
        return classifier_layer(self)

    def reset_classifier(self, num_classes: int) -> None:
        """Put a fresh classifier in the place of the old one, in place.

        It is of the same kind, on the same device and of the same dtype, with the papers' initialisation, drawn from
        torch's global generator. Build the optimizer afterwards.

        Args:
            num_classes: 0 leaves the classifier out, with ``nn.Identity`` in its place; another number brings it back.

        Raises:
            UsageError: A negative number, or a head that has no classifier.
        """
        reset_classifier(self, self.num_features, num_classes)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Return the map after each stage, by its name: (B, stage.channels, H/stage.stride, W/stage.stride)."""
        x = self.stem(x)
        maps = {}
        for stage in self.stages:
            x = maps[stage.name] = self.get_submodule(stage.name)(x)
        return maps


class NetworkSpec(Protocol):
    """A published row: a frozen dataclass that builds its network."""

    @property
    def attention(self) -> AttentionSpec | None:
        """What the row publishes in its slots, or None."""

    @property
    def geometry(self) -> Geometry | None:
        """Whose strides and pools; None where there is no choice."""

    @property
    def num_classes(self) -> int:
        """Of the published classifier."""

    @property
    def size(self) -> int:
        """Height and width of the images that it is published for."""

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""


class ZeroPad(nn.Module):
    """Option A of He et al. 2015: subsample the identity and pad the new channels with zeros."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.new, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H/stride, W/stride)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


def no_gate(channels: int) -> None:
    """Leave a gate slot empty."""


@dataclass(frozen=True)
class Slots:
    """What an attention spec puts into a network's two kinds of slots.

    Args:
        gate: channels -> the block that multiplies a branch or adds to it, or None.
        convolution: (in_channels, out_channels, stride=) -> the block in the place of a unit's k x k convolution; None
            keeps the convolution.
    """

    gate: Callable[[int], nn.Module | None] = no_gate
    convolution: Callable[..., nn.Module] | None = None


def fill_slots(attention: AttentionSpec | None) -> Slots:
    """Assign a spec to the kind of slot that it fits.

    Raises:
        UsageError: It fits neither.
    """
    if attention is None:
        return Slots()
    require_spec(attention)
    if attention.slot == "gate":
        return Slots(gate=partial(build_gate, attention))
    return Slots(convolution=partial(build_convolution, attention))
