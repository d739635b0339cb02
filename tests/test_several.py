# Who writes one where a tuple is meant is understood, or told what to write; never a bare TypeError.
import numpy
import pytest
import torchvision

import senet
from senet import SE
from senet.data.transforms.input_settings import InputSettings
from senet.errors import UsageError
from senet.models import Placement
from senet.training.recipe.settings import StepDecay, Views
from senet.training.setup.freeze import FineTuneConfig
from senet.utils.one_or_many import as_tuple

TAKEN = [(3, int, (3,)), ([2, 3], int, (2, 3)), (range(2), int, (0, 1)), ("fc", str, ("fc",)), ({"fc"}, str, ("fc",))]
NUMBERS = [(1, float, (1.0,)), ((0.5, 1), float, (0.5, 1.0)), (numpy.arange(2), int, (0, 1)), ((), int, ())]


@pytest.mark.parametrize(("given", "kind", "found"), [*TAKEN, *NUMBERS], ids=str)
def test_one_or_several_are_a_tuple(given, kind, found):
    assert as_tuple("x", given, kind) == found


@pytest.mark.parametrize(("given", "kind"), [("3", int), (["3"], int), (1.5, int), (True, int), (3, str), (None, str)])
def test_what_is_neither_is_told_what_to_write(given, kind):
    with pytest.raises(UsageError, match=r"x=.* cannot be read\nwrite it as"):
        as_tuple("x", given, kind)


def test_a_stage_is_one_of_several_everywhere():
    model = torchvision.models.resnet18()
    assert list(senet.blocks(senet.insert(model, SE(), stages=3))) == list(
        senet.blocks(senet.insert(model, SE(), stages=(3,)))
    )
    assert Placement(stages=3) == Placement(stages=(3,))
    assert len(senet.create("resnet8", features_only=True, out_indices=-1).feature_info.stages) == 1


REFUSED = {
    "stages": lambda: Placement(stages="3"),
    "out_indices": lambda: senet.create("resnet8", features_only=True, out_indices="2"),
    "input_size": lambda: senet.cost(senet.create("resnet8"), 32),
    "mean": lambda: InputSettings(mean="0.5"),
    "steps.milestones": lambda: StepDecay(milestones="30"),
    "views.area": lambda: Views(area=0.5),
    "fresh": lambda: FineTuneConfig(None, fresh=3),
}


@pytest.mark.parametrize("argument", REFUSED)
def test_an_argument_of_another_kind_is_named(argument):
    with pytest.raises(UsageError, match=argument):
        REFUSED[argument]()


def test_one_name_is_not_its_letters():
    model = senet.create("resnet8")
    with pytest.raises(UsageError, match="no module 'fx'"):
        senet.load_weights(model, {}, fresh="fx")
    assert FineTuneConfig(None, fresh="fc").fresh == ("fc",)
    assert StepDecay(milestones=30).milestones == (30,)
    assert InputSettings(mean=0.5).mean == (0.5,)
