import gc
import os
import signal
import sys

import pytest
import torch

from senet.utils.environment import available_cores

# One thread a process: pytest-xdist runs as many processes as there are cores.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # the width of who runs the suite, pytest-xdist's too, is not that of a pipe


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist the suite runs too
def pytest_xdist_auto_num_workers():
    """A container may see more cores than it may use."""
    return available_cores()


def pytest_collection_finish():
    """What torch and its like keep for good is looked through once, not in each of the collector's rounds (a tenth)."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _signals():
    """A shell that starts the suite in the background lets it ignore Ctrl-C, nohup hang-ups: tests send both."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):  # Windows has none
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory):
    """What is kept of measurements and files is not the user's, and no test finds another run's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _seed():
    """Of the processor's generator alone: for each kind of device that is not there torch would keep a traceback."""
    torch.default_generator.manual_seed(0)


@pytest.fixture(autouse=True)
def _threads():
    """What a test leaves behind slows all that follow: two threads on each of two busy cores, tenfold and more."""
    yield
    assert torch.get_num_threads() == 1


@pytest.fixture(autouse=True)
def _paths():
    """A user's file that is run puts its folder first: modules of that name must not be found there by other tests."""
    before = list(sys.path)
    yield
    sys.path[:] = before
