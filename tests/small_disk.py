"""A real file system of a given size, mounted for one process and its children alone."""

import os
import subprocess
import sys

import pytest

MOUNT = 'mount -t tmpfs -o "size=$1" tmpfs "$0" && shift && exec "$@"'


def run_with(folder, size, *arguments):
    """Run Python with a small tmpfs over a folder, and return what it did.

    Skips, with the system's own words, where a process may not mount: the tests beside it that inject the fault run
    everywhere.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--mount", "sh", "-c", MOUNT, str(folder), size]
    try:
        subprocess.run([*command, "true"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {getattr(error, 'stderr', '') or error}")
    return subprocess.run([*command, sys.executable, *map(str, arguments)], capture_output=True, text=True)
