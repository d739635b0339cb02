# senet doctor, of machines and installations that are made up: each finding names what to do, and only faults fail.
import builtins
import json
import sys
from collections import namedtuple
from importlib import metadata

import pytest

from senet.cli import run
from senet.cli.doctor import findings as doctor_findings
from senet.cli.doctor import packages
from senet.cli.doctor.findings import DoctorFinding, finding_lines, findings
from senet.utils import environment
from senet.utils.environment import DiskSpace, Memory

Usage = namedtuple("Usage", "total used free")
GB = 10**9
REQUIRES = ["torch>=2.10", "torchvision", 'timm>=1.0; extra == "timm"', 'ray[client]>=2.49; extra == "ray"']


@pytest.fixture
def installed(monkeypatch):
    """Packages by version; None: is not there. Of torchvision also what it requires."""
    versions = {"torch": "2.10.0+cpu", "torchvision": "0.25.0", "timm": "1.0.1", "ray": "2.50"}
    required = {"senet": REQUIRES, "torchvision": ["numpy", "torch==2.10.0"]}

    def version(name):
        if versions.get(name) is None:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", required.get)
    monkeypatch.setattr(packages, "_broken", lambda name: "")
    return versions


def about(found, name):
    return next(one for one in found if one.about == name)


def test_all_is_well(installed):
    found = findings()
    assert {one.state for one in found if one.about.startswith(("packages", "extra"))} == {"ok"}
    assert about(found, "packages").said == "torch 2.10.0+cpu, torchvision 0.25.0"
    assert {"senet", "python", "processor", "cores", "bf16", "memory", "cache"} <= {one.about for one in found}


PACKAGES = {
    "an extra": ({"ray": None}, "extra ray", "note", "not installed: ray>=2.49", "pip install 'senet[ray]'"),
    "an old extra": (
        {"timm": "0.9"},
        "extra timm",
        "note",
        "not installed: timm>=1.0 (0.9)",
        "pip install 'senet[timm]'",
    ),
    "no torchvision": (
        {"torchvision": None},
        "packages",
        "fault",
        "missing or too old: torchvision",
        "pip install --upgrade senet",
    ),
    "another torch": (
        {"torch": "2.11.0"},
        "torchvision",
        "fault",
        "it needs torch==2.10.0, and torch is 2.11.0",
        "pip install --upgrade torch torchvision",
    ),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_that_are_not_as_they_should_be_are_named_with_the_command(name, installed):
    changed, *expected = PACKAGES[name]
    installed.update(changed)
    found = [*doctor_findings.versions(), *doctor_findings.optional()]
    wrong = next(one for one in found if one.state != "ok")
    assert [wrong.about, wrong.state, wrong.said, wrong.do] == expected


def test_without_torchvision_it_still_says_the_rest_and_fails(monkeypatch, capsys):
    def without(imports):
        def importing(name, *rest):
            if name.split(".")[0] == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")
            return imports(name, *rest)

        return importing

    monkeypatch.setattr(builtins, "__import__", without(builtins.__import__))
    monkeypatch.setattr(packages.importlib, "import_module", without(packages.importlib.import_module))
    assert run(["doctor", "--json"]) == 6
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert said["faults"] == 1
    (fault,) = [one for one in said["findings"] if one["state"] == "fault"]
    assert fault["about"] == "torchvision"
    assert "torchvision::nms" in fault["said"]
    assert {"memory", "cache"} <= {one["about"] for one in said["findings"]}
    assert err == "error: 1 fault\nfix the faults above\n"


MEMORY = {
    "enough": (Memory(64 * GB, 32 * GB), "64.0 GB, 32.0 GB free", "ok"),
    "a small container": (
        Memory(64 * GB, 32 * GB, GB),
        "64.0 GB, of which the container has 1.0 GB, 1.0 GB free",
        "note",
    ),
    "unknown": (None, "this system does not say", "ok"),
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory(name, monkeypatch):
    reading, said, state = MEMORY[name]
    monkeypatch.setattr(environment, "memory", lambda: reading)
    found = next(doctor_findings.memory())
    assert (found.said, found.state, bool(found.do)) == (said, state, state == "note")


def test_shared_memory_of_a_container_is_too_small(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor_findings, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(doctor_findings.shutil, "disk_usage", lambda path: Usage(0, 0, 64 * 2**20))
    *_, found = doctor_findings.memory()
    assert (found.said, found.state) == ("64 MiB free", "note")
    assert "--shm-size 1g, or --workers 0" in found.do


@pytest.mark.parametrize(
    ("free", "writable", "said"), [(9 * GB, False, "cannot be written"), (GB, True, "1.0 GB free")]
)
def test_folders_that_are_full_or_read_only(free, writable, said, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environment, "disk_space", lambda path: DiskSpace(path, free, writable))
    found = about(doctor_findings.folders(), "cache")
    assert (found.state, said in found.said) == ("note", True)
    assert "set XDG_CACHE_HOME" in found.do
    assert ("free space" in found.do) == writable


@pytest.mark.parametrize(
    ("sets", "state", "said"),
    [({"amx_bf16"}, "ok", "amx_bf16: may win"), ({"avx2"}, "note", "no instructions"), ((), "ok", "does not say")],
)
def test_bf16(sets, state, said, monkeypatch):
    monkeypatch.setattr(environment, "cpu_flags", lambda: frozenset(sets))
    found = about(doctor_findings.processor(), "bf16")
    assert found.state == state
    assert said in found.said


def test_a_driver_that_torch_does_not_use(monkeypatch):
    torch = sys.modules.get("torch") or pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(doctor_findings.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    (found,) = doctor_findings.devices()
    assert found.state == "note"
    assert "pytorch.org" in found.do


def test_no_home_folder_is_a_finding_with_its_remedy(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(doctor_findings.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    found = about(findings(), "folders")
    assert (found.state, found.do) == ("fault", "set XDG_CACHE_HOME to a folder")


def test_lines_fit_sixty_columns_and_names_are_spelt_out():
    found = [DoctorFinding("cache", f"/a\x1b[1m{'/long name' * 9}", "note", "set XDG_CACHE_HOME to " + "a folder " * 9)]
    said = list(finding_lines(found, 60))
    assert max(map(len, said)) <= 60
    assert said[0].startswith("note   cache: /a\\x1b[1m")
    assert any(line.startswith("       -> set") for line in said)
