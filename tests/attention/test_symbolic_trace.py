# torch.fx.symbolic_trace of every block: the graph is the block, at any size and rank, and refuses what the block does.

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.fx import symbolic_trace
from torch.fx.experimental.optimization import fuse

from catalogue_of_blocks import CHANNELS, OWN, SMALL, SMALL_GATES, VARIANTS, build, each, each_of, row_of
from senet.attention import CBAM, SE, Effect
from senet.errors import UsageError
from senet.layers import check_batch, check_map, over_positions, spatial_axes
from steps import assert_near, step

SPATIAL = {1: (7,), 2: (5, 4), 3: (3, 4, 2)}
every_spec = each_of((*VARIANTS, OWN), (*SMALL, OWN))
both_modes = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


def image(*shape):
    return torch.randn(shape or (3, CHANNELS, 5, 4), dtype=torch.float64)


@both_modes
@every_spec
def test_a_graph_computes_and_learns_what_its_block_does(shake, spec, training):
    block, x = shake(build(spec)).train(training), image()
    graph = symbolic_trace(block)
    assert graph.state_dict().keys() == block.state_dict().keys()
    expected = step(block, x)
    assert expected["gradient"].any()
    for same in (graph, copy.deepcopy(graph), pickle.loads(pickle.dumps(graph)), symbolic_trace(graph)):
        assert_near(step(same, x), expected)


@every_spec
def test_one_graph_takes_any_batch_size_and_rank(shake, spec):
    block = shake(build(spec))
    graph = symbolic_trace(block)
    for axes in (2,) if spec is OWN else row_of(spec).axes:
        for batch in (1, 5):
            x = image(batch, CHANNELS, *SPATIAL[axes])
            torch.testing.assert_close(graph(x), block(x), rtol=1e-12, atol=1e-12)


@each(SMALL)
def test_a_graph_refuses_what_its_block_refuses_in_its_words(spec):
    block = build(spec).eval()
    graph = symbolic_trace(block)
    for shape in ((2, CHANNELS + 1, 3, 3), (CHANNELS, 3), (2, CHANNELS, 1, 1, 1, 1)):
        with pytest.raises(UsageError) as expected:
            block(torch.randn(shape))
        with pytest.raises(UsageError) as found:
            graph(torch.randn(shape))
        assert str(found.value) == str(expected.value)
        assert f"got {shape}" in str(found.value)


@each((SE(reduction=4, norm=True), CBAM(reduction=4)))
def test_a_graph_of_training_takes_one_value_per_channel_in_evaluation_only(shake, spec):
    block, x = shake(build(spec)), image(1, CHANNELS, 1, 1)
    expected = block(x)
    graph = symbolic_trace(block.train())
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        graph(x)
    torch.testing.assert_close(graph.eval()(x), expected, rtol=1e-12, atol=1e-12)


@each(SMALL_GATES)
def test_a_block_that_starts_as_the_identity_stays_one_in_a_graph(spec):
    block, x = build(spec).double(), image()
    block.start_as_identity()
    graph = symbolic_trace(block)
    assert torch.equal(graph(x), x)
    assert graph.state_dict().keys() == block.state_dict().keys()


@each_of((*VARIANTS, OWN), (CBAM(reduction=4),))
def test_convolutions_take_in_their_norms_and_attention_stays(shake, spec):
    block, x = shake(build(spec)), image()
    folded = fuse(block)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    kept = {name for name in block.state_dict() if "bn" not in name}
    assert folded.state_dict().keys() >= kept
    torch.testing.assert_close(folded(x), block(x), rtol=1e-10, atol=1e-10)


@each((*SMALL, OWN))
def test_a_graph_compiles_as_one_graph_again(shake, spec):
    block, x = shake(build(spec)), image()
    torch._dynamo.reset()
    compiled = torch.compile(symbolic_trace(block), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), block(x), rtol=1e-12, atol=1e-12)


class Peaks(nn.Module):
    """A block of a user's own, of senet's helpers; it wraps nothing."""

    effect = Effect.MULTIPLIES

    def __init__(self, channels):
        super().__init__()
        self.norm, self.gate = nn.BatchNorm1d(channels), nn.Sigmoid()

    def forward(self, x):
        return x * self.weights(x)

    def weights(self, x):
        check_map(x, CHANNELS, self, dims=(1, 2, 3))
        peaks = x.amax(spatial_axes(x))
        check_batch(peaks, self)
        return over_positions(self.gate(self.norm(peaks)), x)


def test_the_helpers_trace_wherever_they_are_imported():
    block = Peaks(CHANNELS).double()
    graph = symbolic_trace(block)
    for spatial in SPATIAL.values():
        x = image(3, CHANNELS, *spatial)
        peaks = x.flatten(2).max(2).values
        normed = (peaks - peaks.mean(0)) / (peaks.var(0, unbiased=False) + block.norm.eps).sqrt()
        expected = x * normed.sigmoid().reshape(3, CHANNELS, *[1] * len(spatial))
        torch.testing.assert_close(graph(x), expected, rtol=1e-12, atol=1e-12)
    with pytest.raises(UsageError, match=f"Peaks takes .batch, {CHANNELS}"):
        graph(image(3, CHANNELS + 1, 4))
