"""features_only(): a network as a backbone, which returns the maps of its stages and has no head."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from senet.errors import UsageError
from senet.networks.network import Network, Stage
from senet.utils.one_or_many import as_tuple


@dataclass(frozen=True)
class FeatureInfo:
    """What the maps of a :class:`Features` are, in their order.

    Args:
        stages: The stage of each.
    """

    stages: tuple[Stage, ...]

    def channels(self) -> list[int]:
        """Channels of each map."""
        return [stage.channels for stage in self.stages]

    def reduction(self) -> list[int]:
        """Stride of each map against the image."""
        return [stage.stride for stage in self.stages]

    def module_name(self) -> list[str]:
        """Stage of each map, ``stage2``."""
        return [stage.name for stage in self.stages]


class Features(nn.Module):
    """Stem and stages of a network, x (B, in_channels, H, W) -> the maps of chosen stages.

    Args:
        stem: Up to the first stage.
        stages: Description and layers of each stage up to the last that is chosen, in order; the layers become
            children of that name.
        chosen: Names of the stages whose maps are returned, in the order of the list.
    """

    def __init__(self, stem: nn.Module, stages: Sequence[tuple[Stage, nn.Module]], chosen: Sequence[str]) -> None:
        super().__init__()
        described = {stage.name: stage for stage, _ in stages}
        self.feature_info = FeatureInfo(tuple(described[name] for name in chosen))
        self.stages = tuple(stage for stage, _ in stages)
        self.stem = stem
        for stage, layers in stages:
            self.add_module(stage.name, layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the map of each chosen stage, (B, stage.channels, H/stage.stride, W/stage.stride)."""
        x = self.stem(x)
        maps = {}
        for stage in self.stages:
            x = maps[stage.name] = self.get_submodule(stage.name)(x)
        return [maps[stage.name] for stage in self.feature_info.stages]


def features_only(model: Network, out_indices: int | Sequence[int] | None = None) -> Features:
    """Return a copy of a network without its head that returns maps, as timm's ``features_only=True`` does.

    Names stay the network's, so its state dict loads with ``strict=False``. Stages after the last one that is chosen
    are left out.

    Args:
        model: Any network, with inserted attention too. It stays as it is; the copy shares no memory with it.
        out_indices: Which maps, in the order of the list: indices of ``model.stages``, so that 0 is the first stage
            after the stem; negative ones count from the last. All if None. The stem's map, timm's 0 in most networks,
            is not among them: timm's (1, 2, 3, 4) of a ResNet are (0, 1, 2, 3) here.

    Raises:
        UsageError: An index that the network does not have, one that is given twice, or none at all.
    """
    asked = range(len(model.stages)) if out_indices is None else as_tuple("out_indices", out_indices, int)
    chosen = _indices(model.stages, asked)
    kept = model.stages[: max(chosen) + 1]
    # One copy of all: hooks of inserted attention in different stages may share what they carry.
    stem, *layers = copy.deepcopy([model.stem, *(model.get_submodule(stage.name) for stage in kept)])
    found = Features(stem, list(zip(kept, layers, strict=True)), [kept[i].name for i in chosen])
    found.training = model.training  # train() would reach the layers, some of which may be in another mode
    return found


def _indices(stages: Sequence[Stage], asked: Sequence[int]) -> list[int]:
    """Count from the front; each at most once."""
    n = len(stages)
    chosen = [i + n if i < 0 else i for i in asked]
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(n)):
        known = ", ".join(f"{i} {stage.name}" for i, stage in enumerate(stages))
        raise UsageError(
            f"out_indices={tuple(asked)} names no maps, one that is not there, or one twice",
            do=f"choose among {known}; negative indices count from the last",
        )
    return chosen
