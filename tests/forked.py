"""Start a process that may be killed; all but the first have torch imported already, which takes seconds."""

import os
import sys
from multiprocessing import get_context

import pytest

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["toy", "senet.study.runners.attempt"])


def start(function, *arguments):
    """Start a process that calls a function of a module.

    Args:
        function: Its first argument is the end of a pipe, on which it may say that it is ready: ``said.send(...)``.
        arguments: The others.

    Returns:
        The process, and the other end of the pipe.
    """
    heard, said = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=function, args=(said, *arguments))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the server that forks is told no path, and finds no toy
        process.start()
    said.close()
    return process, heard


def ended(process):
    """Wait for a process; return its exit code, which is less than zero for a signal."""
    process.join()
    return process.exitcode
