"""Weights for images of other channels: the first convolution is summed or spread, as timm's adapt_input_conv does."""

from dataclasses import replace

from torch import Tensor

from senet.networks import Network
from senet.utils.text import counted
from senet.weights.detect_source import detect_source
from senet.weights.files.read import LoadedStateDict


def adapt_input_channels(state: LoadedStateDict, model: Network) -> tuple[LoadedStateDict, str]:
    """Bring the first convolution of weights to the input channels of a network.

    Args:
        state: The weights, of any source.
        model: They are to go into it; its images have one channel or three.

    Returns:
        The weights, and what was done, in words; empty where nothing had to be.
    """
    first, own = next((name, value) for name, value in model.state_dict().items() if value.ndim == 4)
    translated = detect_source(state)[1].translate(state, model.name)
    theirs = translated.origin.get(first, "")
    value = state.tensors.get(theirs)
    if value is None or value.ndim != 4 or {value.shape[1], own.shape[1]} != {1, 3}:
        return state, ""
    tensors = {**state.tensors, theirs: _adapted(value, own.shape[1])}
    done = "are summed to" if own.shape[1] == 1 else "is spread over"
    said = f"{theirs}: its {counted(value.shape[1], 'input channel')} {done} {own.shape[1]}, as timm does"
    return replace(state, tensors=tensors), said


def _adapted(weight: Tensor, channels: int) -> Tensor:
    """(out, 1 or 3, h, w) -> (out, channels, h, w); a grey image makes the same map under both."""
    wide = weight.float()
    found = wide.sum(1, keepdim=True) if channels == 1 else wide.expand(-1, channels, -1, -1) / channels
    return found.to(weight.dtype).contiguous()
