# Freed memory stays with a process of ours, unless the environment says otherwise.

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from senet.utils.allocator import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "keep" else None
import torch
torch.set_num_threads(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(16_000_000)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(mode, **environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], check=True, capture_output=True, text=True, env=environment
    )
    kept, faults = done.stdout.split()
    return kept, int(faults)


# mallopt's thresholds are glibc's own: elsewhere the function says that it did nothing, and there is nothing to see.
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_maps_of_the_same_size_are_not_cleared_again():
    kept, faults = run("keep")
    assert kept == "True"
    assert faults < run("leave")[1] / 2


def test_an_environment_that_tunes_malloc_is_left_alone():
    assert run("keep", MALLOC_ARENA_MAX="4")[0] == "False"
