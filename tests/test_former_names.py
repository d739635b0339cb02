# Names that were renamed stay importable from the packages that exported them.
import pytest

import senet.data
import senet.training
from senet.distributed.process_group import SINGLE_PROCESS
from senet.training import Recipe, TrainingJob, train
from toy import ToyFeed, toy_network

FORMER = {
    "Job": "TrainingJob",
    "Kept": "InMemoryResult",
    "Row": "EpochRow",
    "Trained": "TrainingResult",
    "Watcher": "Callback",
    "joined": "process_group",
}


@pytest.mark.parametrize(("former", "name"), FORMER.items())
def test_former_names_of_training(former, name):
    assert getattr(senet.training, former) is getattr(senet.training, name)


def test_former_names_of_data():
    assert senet.data.DataSettings is senet.data.DataConfig


def test_train_takes_a_process_group_under_its_former_name(tmp_path):
    job = TrainingJob(Recipe(epochs=1, batch_size=8), 0, tmp_path)
    trained = train(toy_network(), ToyFeed(), job, lambda *written: tmp_path, team=SINGLE_PROCESS)
    assert len(trained.rows) == 1
