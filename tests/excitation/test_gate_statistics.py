"""Statistics of gates against two passes in float64, in one part and in several."""

import math

import numpy as np
import pytest
import torch

from senet.errors import UsageError
from senet.excitation import Gate, Kind, Statistics
from senet.excitation.recording.gates import GateLayout
from senet.excitation.recording.origin import GateOrigin
from senet.excitation.statistics.extremes import SAMPLE_SIZE, TOP_K, sort_keys, splitmix64
from senet.excitation.statistics.moments import BINS
from senet.excitation.statistics.specificity import summarise_gate
from senet.excitation.summary import QUANTILES

SIGMOID, UNKNOWN = (0.0, 1.0), (-math.inf, math.inf)


def gate(values, name="se", kind=Kind.CHANNELS, bounds=SIGMOID):
    return Gate(name, kind, GateOrigin("se"), bounds, GateLayout(), values=values)


def gathered(values, labels, parts=1, batch=13, classes=4, shown=(0, 2), bounds=SIGMOID):
    """Statistics of so many parts, merged; images keep their numbers."""
    merged = Statistics(classes, shown)
    for index in torch.arange(len(values)).tensor_split(parts):
        part = Statistics(classes, shown)
        for some in index.split(batch):
            part.add([gate(values[some], bounds=bounds)], labels[some], some)
        merged.merge(part)
    return merged


@pytest.fixture
def images():
    draw = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 3, (500,), generator=draw)  # class 3 has no images
    values = torch.rand(500, 6, generator=draw) * 0.2 + 0.1 * labels[:, None] + 0.3
    values[:, 4] = 0.5  # constant
    values[:, 5] = 0.999 + 0.0009 * torch.rand(500, generator=draw)  # saturated
    return values, labels


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_mean_and_deviation_are_those_of_two_passes_in_float64(images, parts):
    values, labels = images
    found = gathered(values, labels, parts).gates["se"]
    x, y = values.numpy().astype(np.float64), labels.numpy()
    for number in range(3):
        moments, own = found.moments, x[y == number]
        assert moments.counts[number] == len(own)
        np.testing.assert_allclose(moments.means[number], own.mean(0), rtol=1e-13)
        np.testing.assert_allclose(moments.squares[number], ((own - own.mean(0)) ** 2).sum(0), rtol=1e-9, atol=1e-13)
    overall = found.moments.overall()
    np.testing.assert_allclose(overall.mean, x.mean(0), rtol=1e-13)
    np.testing.assert_allclose(overall.squares, ((x - x.mean(0)) ** 2).sum(0), rtol=1e-9, atol=1e-13)


def test_large_means_lose_nothing_of_small_deviations():
    values = 1e4 + torch.rand(1000, 3, generator=torch.Generator().manual_seed(0))
    found = gathered(values, torch.zeros(1000, dtype=torch.int64), 7, bounds=UNKNOWN).gates["se"]
    expected = values.double().var(0, correction=0) * 1000
    torch.testing.assert_close(found.moments.overall().squares, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("parts", [2, 7])
def test_all_but_the_rounding_of_moments_is_the_same_in_parts(images, parts):
    whole, merged = (gathered(*images, n).gates["se"] for n in (1, parts))
    assert torch.equal(whole.histogram.counts, merged.histogram.counts)
    assert torch.equal(whole.saturated, merged.saturated)
    assert torch.equal(whole.most.images, merged.most.images)
    assert torch.equal(whole.least.images, merged.least.images)
    rows = [
        {h: v.tolist() for h, v in zip(s.hashes.tolist(), s._values, strict=True)}
        for s in (whole.sample, merged.sample)
    ]
    assert rows[0] == rows[1]


def test_quantiles_are_exact_to_a_bin(images):
    values, labels = images
    found = summarise_gate(gathered(values, labels).gates["se"])
    for profile, own in zip(found.profiles, (values, values[labels == 0], values[labels == 2]), strict=True):
        expected = own.double().quantile(torch.tensor(QUANTILES, dtype=torch.float64), dim=0)
        np.testing.assert_allclose(profile.quantiles, expected, atol=1 / BINS)


def test_the_ends_of_the_range_fall_into_the_outer_bins():
    found = gathered(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 1])).gates["se"]
    assert found.histogram.counts[0, 0, 0] == 2
    assert found.histogram.counts[0, 1, BINS - 1] == 2


def test_the_share_of_saturated_values_counts_either_end():
    values = torch.tensor([[0.0, 0.5, 1.0, 0.995], [0.005, 0.5, 1.0, 0.985]])
    found = summarise_gate(gathered(values, torch.tensor([0, 1])).gates["se"])
    assert (found.saturated_low, found.saturated_high, found.saturated) == (2 / 8, 3 / 8, 5 / 8)


def test_of_a_range_without_ends_nothing_is_saturated_and_there_are_no_quantiles():
    found = summarise_gate(gathered(torch.rand(9, 2), torch.zeros(9, dtype=torch.int64), bounds=UNKNOWN).gates["se"])
    assert math.isnan(found.saturated)
    assert found.profiles[0].quantiles == ()
    relu = summarise_gate(
        gathered(torch.zeros(9, 2), torch.zeros(9, dtype=torch.int64), bounds=(0.0, math.inf)).gates["se"]
    )
    assert relu.saturated_low == 1
    assert math.isnan(relu.saturated_high)


def test_the_images_that_drive_a_value_are_the_highest_and_lowest_of_all(images):
    values, labels = images
    found = summarise_gate(gathered(values, labels, 3).gates["se"])
    for channel in range(4):
        order = np.argsort(-values[:, channel].numpy(), kind="stable")
        assert found.most[channel] == tuple(order[:TOP_K])
        assert found.least[channel] == tuple(np.argsort(values[:, channel].numpy(), kind="stable")[:TOP_K])
    assert found.most[4] == found.least[4] == (0, 1, 2, 3)  # all are equal: the first ones


def test_row_84_images_that_are_not_finite_are_counted_and_spoil_nothing(images):
    values, labels = images
    spoilt = values.clone()
    spoilt[[3, 70], [0, 5]] = torch.tensor([math.nan, math.inf])
    kept = torch.ones(500, dtype=torch.bool)
    kept[[3, 70]] = False
    found, clean = gathered(spoilt, labels).gates["se"], gathered(values[kept], labels[kept]).gates["se"]
    assert found.not_finite == 2
    torch.testing.assert_close(found.moments.means, clean.moments.means)
    assert torch.equal(found.histogram.counts, clean.histogram.counts)
    assert summarise_gate(found).profiles[0].images == 498


def test_row_84_a_gate_that_is_never_finite_has_no_numbers():
    found = summarise_gate(gathered(torch.full((5, 2), math.nan), torch.zeros(5, dtype=torch.int64)).gates["se"])
    numbers = (found.mean, found.saturated, found.constant, found.specificity.value, found.redundancy, found.rank)
    assert all(map(math.isnan, numbers))
    assert found.not_finite == 5
    assert found.profiles[0].images == 0


def test_one_image_has_means_and_nothing_else():
    found = summarise_gate(gathered(torch.tensor([[0.25, 0.75]]), torch.tensor([2])).gates["se"])
    assert found.profiles[0].mean == found.profiles[2].mean == (0.25, 0.75)
    assert all(map(math.isnan, found.profiles[1].mean))  # class 0 has none
    assert all(map(math.isnan, found.profiles[0].deviation))
    assert all(map(math.isnan, (found.specificity.value, found.constant, found.rank, found.redundancy)))


def test_row_83_memory_is_that_of_the_formula_whatever_the_number_of_images():
    bytes = []
    for images in (10, 1000):
        values = torch.rand(images, 32)
        found = gathered(values, torch.arange(images) % 10, classes=10, shown=(0, 1, 2, 3))
        bytes.append(found.bytes)
    assert bytes[0] == bytes[1]
    assert bytes[0] == pytest.approx(2528 * 32, rel=0.1)  # and a few vectors that do not grow with the width


def test_the_sample_is_the_images_with_the_lowest_hashes():
    values = torch.arange(2000.0)[:, None] / 2000
    found = gathered(values, torch.zeros(2000, dtype=torch.int64), 3).gates["se"].sample
    expected = splitmix64(torch.arange(2000)).argsort()[:SAMPLE_SIZE]
    assert sorted(found.values[:, 0].mul(2000).round().int().tolist()) == sorted(expected.tolist())
    assert abs(expected.double().mean() - 1000) < 150  # spread over all, whatever their order


def test_gates_over_branches_and_positions_keep_their_shape():
    statistics = Statistics(1)
    values = torch.rand(4, 2, 3)
    statistics.add([gate(values, kind=Kind.BRANCHES)], torch.zeros(4))
    found = summarise_gate(statistics.gates["se"])
    assert (found.kind, found.shape) == ("branches", (2, 3))
    torch.testing.assert_close(torch.tensor(found.profiles[0].mean), values.mean(0).flatten())


def test_a_gate_that_misses_passes_is_counted():
    statistics, other = Statistics(1), Statistics(1)
    statistics.add(
        [gate(torch.rand(2, 3), "a"), Gate("b", Kind.CHANNELS, GateOrigin("b"), SIGMOID, GateLayout())], torch.zeros(2)
    )
    other.add([gate(torch.rand(2, 3), "b")], torch.zeros(2))
    statistics.merge(other)
    assert (statistics.images, statistics.missed, list(statistics.gates)) == (4, {"b": 1}, ["a", "b"])


def test_what_does_not_belong_together_is_refused():
    statistics = Statistics(2)
    with pytest.raises(UsageError, match="there are 2 classes"):
        statistics.add([], torch.tensor([0, 2]))
    with pytest.raises(UsageError, match="3 labels of 2 images"):
        statistics.add([gate(torch.rand(2, 3))], torch.zeros(3))
    statistics.add([gate(torch.rand(2, 3))], torch.zeros(2))
    with pytest.raises(UsageError, match=r"values of shape \(4,\) after others of \(3,\)"):
        statistics.add([gate(torch.rand(2, 4))], torch.zeros(2))
    other = Statistics(3)
    other.add([gate(torch.rand(2, 3))], torch.zeros(2))
    with pytest.raises(UsageError, match="2 and of 3 classes"):
        statistics.merge(other)


def test_keys_are_in_the_order_of_the_values_and_against_that_of_the_numbers():
    values = torch.tensor([-2.5, -1e-30, -0.0, 0.0, 1e-30, 0.5, 1.0, 3e38])[:, None]
    keys = sort_keys(values, torch.full((8,), 7))[:, 0]
    assert (keys.diff() > 0).tolist() == [True, True, False, True, True, True, True]
    assert sort_keys(torch.ones(2, 1), torch.tensor([3, 2**31 - 1]))[:, 0].diff() < 0
