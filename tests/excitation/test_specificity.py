"""How class-specific a gate is: closed forms, planted cases, and intervals that hold what they say."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from senet.excitation.statistics.extremes import ImageSample, splitmix64
from senet.excitation.statistics.moments import Moments
from senet.excitation.statistics.specificity import effective_rank, redundancy, specificity, varies


def seen(values, labels, classes=None, draw=None):
    moments, sample = Moments(classes or int(labels.max()) + 1, values.shape[1]), ImageSample(values.shape[1])
    moments.add(values, labels)
    numbers = torch.arange(len(values)) if draw is None else torch.randint(0, 2**40, (len(values),), generator=draw)
    sample.add(values, labels, numbers)
    return moments, sample


def of_one_class(values):
    return seen(values, torch.zeros(len(values), dtype=torch.int64))


def test_of_one_value_it_is_epsilon_squared_of_the_analysis_of_variance():
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    values = torch.randn(90, 1, generator=draw) + labels[:, None]
    f = stats.f_oneway(*(values[labels == k, 0].double().numpy() for k in range(3))).statistic
    expected = (2 * (f - 1)) / (2 * f + 87)  # (SSB - df_b MSW) / SST
    assert specificity(*seen(values, labels)).value == pytest.approx(expected, rel=1e-6)


def test_a_gate_that_the_class_alone_decides_is_wholly_specific():
    labels = torch.arange(60) % 4
    found = specificity(*seen(torch.rand(4, 8)[labels], labels))
    assert found.value == pytest.approx(1)
    assert found.low == pytest.approx(1)


def test_a_constant_gate_has_no_specificity():
    moments, sample = seen(torch.full((60, 8), 0.731058), torch.arange(60) % 4)
    assert math.isnan(specificity(moments, sample).value)
    assert not varies(moments.overall()).any()
    assert effective_rank(moments, sample) == 0
    assert math.isnan(redundancy(moments, sample))


def test_a_gate_that_is_alike_for_all_classes_has_none_on_average():
    draw = torch.Generator().manual_seed(0)
    found = [specificity(*seen(torch.rand(80, 5, generator=draw), torch.arange(80) % 4)) for _ in range(200)]
    assert np.mean([one.value for one in found]) == pytest.approx(0, abs=0.003)
    assert np.mean([one.low <= 0 <= one.high for one in found]) > 0.9


def test_one_class_or_one_image_of_each_gives_nothing():
    assert math.isnan(specificity(*seen(torch.rand(9, 2), torch.zeros(9, dtype=torch.int64))).value)
    assert math.isnan(specificity(*seen(torch.rand(9, 2), torch.arange(9))).value)
    assert math.isnan(specificity(*seen(torch.rand(1, 2), torch.tensor([0]))).value)


def test_classes_without_images_change_nothing():
    labels, values = torch.arange(60) % 3, torch.rand(60, 4)
    assert specificity(*seen(values, labels, 3)) == specificity(*seen(values, labels, 50))


@pytest.mark.parametrize(("images", "spread"), [(400, 0.5), (1500, 0.2)])
def test_the_interval_holds_the_truth_as_often_as_it_says(images, spread):
    # The truth of the same classes, by its formula: variance between over variance in all.
    draw = torch.Generator().manual_seed(3)
    centres, mix = torch.randn(5, 12, generator=draw) * spread, torch.randn(12, 12, generator=draw) / 12**0.5
    between, within = centres.var(0, correction=0).sum(), (mix.T @ mix).diagonal().sum()
    truth, held = float(between / (between + within)), 0
    for _ in range(200):
        labels = torch.arange(images) % 5
        values = centres[labels] + torch.randn(images, 12, generator=draw) @ mix
        found = specificity(*seen(values, labels, draw=draw))
        held += found.low <= truth <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_redundancy_is_the_mean_absolute_correlation():
    values = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)).cumsum(1)
    table = np.abs(np.corrcoef(values.double().numpy().T))
    assert redundancy(*of_one_class(values)) == pytest.approx((table.sum() - 4) / 12)


def test_values_that_move_together_are_wholly_redundant_and_of_rank_one():
    one = torch.rand(50, 1)
    values = torch.cat([one, 1 - one, 0.5 * one], 1)
    assert redundancy(*of_one_class(values)) == pytest.approx(1, abs=1e-5)
    assert effective_rank(*of_one_class(values)) == pytest.approx(1, abs=1e-3)


def test_values_that_move_alone_are_of_full_rank():
    values = torch.linalg.qr(torch.randn(200, 6, generator=torch.Generator().manual_seed(0)))[0]
    values -= values.mean(0)
    assert effective_rank(*of_one_class(values * 5)) == pytest.approx(6, abs=0.05)


def test_one_image_in_thousands_that_moves_is_no_class_and_has_no_interval():
    values, labels = torch.full((4000, 3), 0.5), torch.arange(4000) % 4
    values[int(splitmix64(torch.arange(4000)).argmax())] = 0.6  # not in the sample
    found = specificity(*seen(values, labels))
    assert found.value == pytest.approx(0, abs=1e-6)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
