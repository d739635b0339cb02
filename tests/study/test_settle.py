from dataclasses import replace

import pytest

from senet.data import DataSettings, resolved
from senet.errors import UsageError
from senet.study import settle as settling
from senet.study import store
from senet.study.plan import Plan, of_specs
from senet.study.settle import Settled, Wishes, as_begun, settle, study_seconds, trial_seconds
from senet.training import Recipe, open_feed

SETTINGS = resolved(DataSettings("digits", train_fraction=0.05))
PLAN = Plan("resnet8", of_specs(("none", "SE(reduction=4)")), 4, SETTINGS, Recipe(epochs=2, batch_size=16))


@pytest.fixture(scope="module")
def data():
    return open_feed(SETTINGS, PLAN.recipe)


@pytest.fixture
def measured(monkeypatch):
    """Steps take what a table says: by precision, over the threads to a power."""

    def set_to(float32, bf16, gain):
        def step_seconds(model, feed, batch_size, ways):
            return {way: {"float32": float32, "bf16": bf16}[way.precision] / way.threads**gain for way in ways}

        monkeypatch.setattr(settling, "step_seconds", step_seconds)

    return set_to


@pytest.mark.parametrize(("gain", "expected"), [(0.5, (4, 1)), (1.0, (4, 1)), (1.1, (4, 1)), (1.5, (1, 4))])
def test_workers_fill_the_cores_in_the_way_that_is_clearly_faster(gain, expected, data, measured, tmp_path):
    measured(1.0, 1.0, gain)
    settled = settle(PLAN, data, tmp_path, Wishes(), cores=4)
    assert (settled.processes, settled.plan.recipe.threads) == expected


def test_what_is_asked_for_is_done(data, measured, tmp_path):
    measured(1.0, 0.5, 0.5)
    settled = settle(PLAN, data, tmp_path, Wishes(workers=2), cores=4)
    assert (settled.processes, settled.plan.recipe.threads, settled.plan.recipe.precision) == (2, 2, "bf16")
    settled = settle(PLAN, data, tmp_path, Wishes("float32", threads=3), cores=4)
    assert (settled.processes, settled.plan.recipe.threads, settled.plan.recipe.precision) == (1, 3, "float32")
    settled = settle(replace(PLAN, seeds=1), data, tmp_path, Wishes(), cores=8)
    assert (settled.processes, settled.plan.recipe.threads) == (2, 4), "never more processes than trials"


def test_a_study_goes_on_as_it_began(data, measured, tmp_path):
    """Both are part of a trial's key: a measurement that came out otherwise would train all of it again."""
    store.write_settings(tmp_path, {"recipe": {"precision": "float32", "threads": 1}}, {})
    measured(9.0, 1.0, 3.0)
    settled = settle(PLAN, data, tmp_path, Wishes(), cores=4)
    assert (settled.processes, settled.plan.recipe.threads, settled.plan.recipe.precision) == (4, 1, "float32")


@pytest.mark.parametrize(
    ("begun", "asked", "expected"),
    [
        ({"source": "folder:/a", "image_size": 32}, None, True),  # of before it could be said
        ({"source": "folder:/a", "image_size": 32, "in_memory": True}, None, True),
        ({"source": "folder:/a", "image_size": 32, "in_memory": False}, None, False),
        ({"source": "folder:/a", "image_size": 32}, False, False),
        ({"source": "folder:/a", "image_size": None}, None, None),
        ({"source": "digits", "image_size": 32}, None, None),
        (None, None, None),
    ],
)
def test_a_study_goes_on_with_its_images_where_they_were(begun, asked, expected, tmp_path):
    """In memory and decoded as they go are other trials: all of them would begin anew without a word."""
    if begun is not None:
        store.write_settings(tmp_path, {"data": begun}, {})
    plan = replace(PLAN, data=DataSettings("folder:/b", image_size=32, in_memory=asked))
    assert as_begun(plan, tmp_path).data.in_memory is expected


@pytest.mark.parametrize("name", ["workers", "threads"])
def test_none_is_no_number_of_workers(name):
    with pytest.raises(UsageError, match=f"{name}=0 is below 1"):
        Wishes(precision=None, **{name: 0})


def test_a_step_is_really_timed(data, tmp_path):
    settled = settle(PLAN, data, tmp_path, Wishes("float32"), cores=1)
    assert 0 < settled.step < 60


def test_the_time_of_a_study_is_that_of_its_rounds(data):
    settled = Settled(PLAN, processes=3, step=0.16)
    images = 2 * len(data.train) + (2 * len(data.validation) + len(data.test)) / 3
    assert trial_seconds(settled, data) == pytest.approx(1.15 * 0.01 * images)
    assert study_seconds(settled, data, 0) == 0
    assert study_seconds(settled, data, 7) == pytest.approx(settling.START + 3 * trial_seconds(settled, data))
