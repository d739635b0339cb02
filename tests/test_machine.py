# What a machine has, read from files as Linux writes them.
import pytest

from senet.utils.environment import DiskSpace, Memory, cpu_flags, disk_space, folder_size, memory

KB = "MemTotal:       16384 kB\nMemFree:         512 kB\nMemAvailable:    8192 kB\nHugePages_Total:       0\n"
VERSION_1 = "sys/fs/cgroup/memory/memory.limit_in_bytes"


def system(root, **files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


LIMITS = {
    "none": ({}, None),
    "no limit": ({"sys/fs/cgroup/memory.max": "max\n"}, None),
    "a container": ({"sys/fs/cgroup/memory.max": "1048576\n"}, 2**20),
    "an old one": ({VERSION_1: "2097152\n"}, 2**21),
    "an old one without a limit": ({VERSION_1: "9223372036854771712\n"}, None),
}


@pytest.mark.parametrize("name", LIMITS)
def test_memory_is_the_machines_and_the_containers(name, tmp_path):
    files, limit = LIMITS[name]
    assert memory(system(tmp_path, **{"proc/meminfo": KB}, **files)) == Memory(2**24, 2**23, limit)


def test_a_system_that_does_not_say_is_no_error(tmp_path):
    assert memory(tmp_path) is None
    assert cpu_flags(tmp_path) == frozenset()


@pytest.mark.parametrize("line", ["flags\t\t: fpu avx2 amx_bf16", "Features\t: fp asimd bf16"])
def test_instruction_sets_are_the_first_processors(line, tmp_path):
    found = cpu_flags(system(tmp_path, **{"proc/cpuinfo": f"processor\t: 0\n{line}\n\nprocessor\t: 1\n"}))
    assert found == set(line.split(": ")[1].split())


def test_a_folder_is_not_made_to_look_at_it(tmp_path):
    found = disk_space(tmp_path / "a" / "b")
    assert found == DiskSpace(tmp_path / "a" / "b", found.free, writable=True)
    assert found.free > 0
    assert not (tmp_path / "a").exists()
    assert not disk_space((tmp_path / "file" if (tmp_path / "file").write_text("abc") else tmp_path) / "a").writable
    assert folder_size(tmp_path) == 3
