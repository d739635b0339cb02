import math

import pytest

from senet.training import Recipe
from senet.training.recipe.settings import Plateau, StepDecay, WarmUp
from senet.training.step.lr_schedule import NO_DROPS, learning_rate


def at(epochs_over, **changes):
    return learning_rate(Recipe(**{"epochs": 100, "lr": 0.6, **changes}), epochs_over)


def test_cosine_in_closed_form():
    assert [at(e) for e in (0, 50, 100)] == pytest.approx([0.6, 0.3, 0])
    assert at(100 / 3) == pytest.approx(0.3 * (1 + math.cos(math.pi / 3)))


def test_step_without_milestones_falls_at_half_and_three_quarters():
    rates = [at(e, schedule="step") for e in (0, 49.99, 50, 74.99, 75, 99.99)]
    assert rates == pytest.approx([0.6, 0.6, 0.06, 0.06, 0.006, 0.006])


@pytest.mark.parametrize("steps", [StepDecay(milestones=(30, 60, 90)), StepDecay(every=30)])
def test_senets_main_recipe_falls_every_30_of_100_epochs(steps):
    rates = [at(e, schedule="step", steps=steps) for e in (0, 29.999, 30, 59, 60, 89, 90, 99)]
    assert rates == pytest.approx([0.6, 0.6, 0.06, 0.06, 0.006, 0.006, 0.0006, 0.0006])


def test_mobilenet_v3s_recipe_takes_a_hundredth_every_three_epochs():
    steps = StepDecay(every=3, factor=0.99)
    assert at(2.9, schedule="step", steps=steps) == pytest.approx(0.6)
    assert at(31, schedule="step", steps=steps) == pytest.approx(0.6 * 0.99**10)


def test_constant_is_constant():
    assert {at(e, schedule="constant") for e in (0, 1.5, 99)} == {0.6}


def test_warm_up_rises_in_a_line_and_the_cosine_has_the_rest():
    warm_up = WarmUp(epochs=4, start=0.25)
    assert [at(e, warm_up=warm_up) for e in (0, 2, 4, 52, 100)] == pytest.approx([0.15, 0.375, 0.6, 0.3, 0])


def test_milestones_count_from_the_start_also_with_a_warm_up():
    rates = [at(e, schedule="step", steps=StepDecay(milestones=(30,)), warm_up=WarmUp(5)) for e in (2.5, 5, 29, 30)]
    assert rates == pytest.approx([0.3, 0.6, 0.6, 0.06])


def falls(losses, **rule):
    recipe = Recipe(epochs=100, schedule="plateau", plateau=Plateau(**rule))
    state, factors = NO_DROPS, []
    for loss in losses:
        state = state.after(loss, recipe)
        factors.append(state.factor(recipe))
    return factors


def test_a_plateau_lasts_patience_epochs_without_a_new_least():
    assert falls([3, 2, 2, 2, 1, 1, 1], patience=2) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01])


def test_a_new_least_starts_the_waiting_again():
    assert falls([3, 3, 2, 2, 1.9, 1.9], patience=2) == [1] * 6


def test_the_learning_rate_falls_at_most_so_often():
    assert falls([1] * 20, patience=1, drops=3)[-1] == pytest.approx(1e-3)


def test_not_a_number_is_no_new_least():
    assert falls([1, math.nan, math.nan], patience=2) == pytest.approx([1, 1, 0.1])


def test_other_schedules_do_not_fall():
    assert NO_DROPS.after(1.0, Recipe()) is NO_DROPS
