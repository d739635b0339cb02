import copy

import pytest
import torch
from torch import Tensor, nn

from catalogue_of_blocks import ROWS, build
from senet.attention import Effect
from senet.attention.smoke_test import require_axes
from senet.errors import UsageError


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.text)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_block_takes_the_axes_of_its_catalogue(row, axes, device):
    with torch.device(device):
        block = build(row.spec)
    before, state = copy.deepcopy(block.state_dict()), torch.get_rng_state()
    if axes in row.axes:
        require_axes(block, row.spec, 8, axes, "here")
    else:
        with pytest.raises(UsageError, match=f"does not take maps with {axes} spatial ax.s") as caught:
            require_axes(block, row.spec, 8, axes, "here")
        assert caught.value.where.startswith("here: ")
    assert torch.equal(torch.get_rng_state(), state)
    if device == "cpu":
        assert all(torch.equal(value, before[key]) for key, value in block.state_dict().items())


class Images(nn.Module):
    """Weights (B, 1, 1, 1), which of a sequence make a map of an image."""

    effect = Effect.MULTIPLIES

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sigmoid()

    def weights(self, x: Tensor) -> Tensor:
        """One of each image."""
        return self.gate(x.flatten(1).mean(1))[:, None, None, None]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return x * self.weights(x)


def test_a_map_that_is_made_another_is_refused():
    require_axes(Images(), "Images()", 8, 2, "here")
    with pytest.raises(UsageError, match=r"it makes \(2, 2, 8, 7\) of \(2, 8, 7\)"):
        require_axes(Images(), "Images()", 8, 1, "here")
    with pytest.raises(UsageError, match="RuntimeError"):
        require_axes(Images(), "Images()", 8, 3, "here")
