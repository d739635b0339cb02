import os

import pytest
import torch

from senet.study.environment import available_cores

# One thread a process: pytest-xdist runs as many processes as there are cores.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist the suite runs too
def pytest_xdist_auto_num_workers():
    """A container may see more cores than it may use."""
    return available_cores()


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
