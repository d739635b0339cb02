import subprocess
import sys

import pytest
import torch

from senet.ops.passes import PLAIN, _triton_passes, has_triton, passes


@pytest.fixture(autouse=True)
def _asked_again():
    has_triton.cache_clear()
    _triton_passes.cache_clear()
    yield
    has_triton.cache_clear()
    _triton_passes.cache_clear()


def test_maps_on_the_cpu_get_the_formula_and_triton_is_not_imported():
    code = (
        "import sys, torch\nfrom senet.ops.passes import PLAIN, passes\nassert passes(torch.rand(1, 1, 2, 2)) is PLAIN"
    )
    code = f"{code}\nassert not {{'triton', 'senet.ops.triton_passes'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_environment_switches_triton_off(monkeypatch):
    monkeypatch.setenv("SENET_TRITON", "0")
    assert not has_triton()


def test_where_triton_is_not_installed_there_is_none(monkeypatch):
    monkeypatch.delenv("SENET_TRITON", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not has_triton()


def test_kernels_that_do_not_run_are_told_of_and_done_without(monkeypatch):
    pytest.importorskip("triton", reason="needs triton")

    def no_compiler(x):
        raise RuntimeError("no C compiler")

    monkeypatch.setattr("senet.ops.triton_passes.mean", no_compiler)
    with pytest.warns(RuntimeWarning, match=r"SENET_TRITON=0"):
        assert _triton_passes() is PLAIN


# Whether the kernels run is asked of the GPU itself, by running one.
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_maps_on_a_gpu_get_the_kernels(monkeypatch):
    pytest.importorskip("triton", reason="needs triton")
    monkeypatch.delenv("SENET_TRITON", raising=False)
    assert torch.bfloat16 in passes(torch.rand(1, 1, 2, 2, device="cuda")).dtypes
