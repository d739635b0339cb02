"""Ray nodes on this machine, each a group of processes that a test can kill; and the command that uses them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from launching import clear, ended, start

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
HERE = Path(__file__).parent


def wait_for(condition, process=None, seconds=180):
    """Wait, on a machine however busy; a process that ends meanwhile has failed, and says why."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert process is None or process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return found


def free_ports(count):
    code = "import socket\nfor s in [socket.create_server(('', 0)) for _ in range(%d)]: print(s.getsockname()[1])"
    return subprocess.check_output([sys.executable, "-c", code % count], text=True).split()


class LocalRay:
    """A head of one core, and nodes that join it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ray-")  # a path of pytest's would be too long for Ray's sockets
        self.environment = {**QUIET, "RAY_TMPDIR": self.folder}
        self.port, client = free_ports(2)
        self.address, self.client = f"127.0.0.1:{self.port}", f"ray://127.0.0.1:{client}"
        head = ["--head", "--port", self.port, "--ray-client-server-port", client, "--include-dashboard=false"]
        self.processes = [self._node(*head)]

    def _node(self, *words, **changes):
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *words]
        fixed = ["--num-cpus", "1", "--node-ip-address", "127.0.0.1", "--block"]
        log = Path(tempfile.mkstemp(dir=self.folder)[1])
        with log.open("w") as out:
            process = subprocess.Popen(
                [*command, *fixed],
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment, **changes},
                start_new_session=True,
            )
        wait_for(lambda: "Ray runtime started" in log.read_text())
        return process

    def join(self, **changes):
        self.processes.append(self._node("--address", self.address, **changes))
        return self.processes[-1]

    def workers(self):
        """Process ids of the workers that train."""
        return [pid for node in self.processes for pid, name in tree(node.pid) if name.startswith("ray::run_on_node")]

    def leave(self, node):
        """Kill all processes of a node at once."""
        if node not in self.processes:
            return
        left = [pid for pid, _ in tree(node.pid)]
        clear(node)
        node.wait()
        for pid in left:  # workers have groups of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes.remove(node)

    def stop(self):
        for node in reversed([*self.processes]):
            self.leave(node)
        shutil.rmtree(self.folder, ignore_errors=True)


def processes():
    known = psutil.process_iter(["pid", "ppid", "cmdline"])  # by psutil, for not every machine has ps
    return [(each.info["pid"], each.info["ppid"], " ".join(each.info["cmdline"] or ())) for each in known]


def tree(root):
    """List (pid, command line) of a process's descendants."""
    found, known = {root}, processes()
    while more := {pid for pid, parent, _ in known if parent in found} - found:
        found |= more
    return [(pid, name) for pid, _, name in known if pid in found - {root}]


def study(folder, epochs, on, **changes):
    """Start a study of two variants and two seeds; its output is one stream."""
    return start(sys.executable, HERE / "ray_run.py", folder, epochs, on, **{**QUIET, **changes})


def studied(folder, epochs, on, **changes):
    """Run it to its end; return the exit code and all that it said."""
    return ended(study(folder, epochs, on, **changes))


def kept(folder):
    """Return the bytes of what a study has to leave alike wherever it ran."""
    return {path.name: path.read_bytes() for path in (folder / "results.csv", *folder.glob("weights/*"))}


def results(folder):
    return {path.name: path.read_bytes() for path in (folder / "trials").glob("*.json")}
