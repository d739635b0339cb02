# Files that are written: whose they are, what is left behind, what a refusal advises.
import errno
import os
import stat
import subprocess
import sys

import pytest
import torch

from senet.data.shards.pack import _made
from senet.errors import ResourceError
from senet.metadata import Metadata
from senet.training.checkpoint import checkpoint
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.utils.files import remove_leftovers, require_writable, write_atomically, write_text, writing_remedy
from senet.weights import write_state

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
STATE = {"weight": torch.ones(3)}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


every_umask = pytest.mark.parametrize("umask", [0o022, 0o002, 0o077], indirect=True, ids=oct)


@posix
@every_umask
def test_row_109_weights_have_the_mode_that_open_gives(umask, tmp_path):
    write_state(STATE, tmp_path / "w.safetensors", Metadata())
    write_text(tmp_path / "r.csv", "a")
    assert mode(tmp_path / "w.safetensors") == mode(tmp_path / "r.csv") == 0o666 & ~umask


@posix
@every_umask
def test_row_109_so_have_checkpoints_and_folders_of_shards(umask, tmp_path):
    checkpoint.write_checkpoint(Checkpoint(STATE, {}), tmp_path / "run" / "checkpoints" / "one")
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {mode(path) for path in files} == {0o666 & ~umask}
    assert len(files) == 2
    assert mode(_made(tmp_path / "shards")) == 0o777 & ~umask


@posix
def test_row_109_a_file_that_is_there_keeps_its_mode(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_text("old")
    path.chmod(0o640)
    write_state(STATE, path, Metadata())
    assert mode(path) == 0o640
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards").chmod(0o750)
    assert mode(_made(tmp_path / "shards")) == 0o750


@posix
def test_a_link_stays_a_link_and_what_it_names_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "w.safetensors"
    link.symlink_to(tmp_path / "disk" / "w.safetensors")
    write_state(STATE, link, Metadata())
    assert link.is_symlink()
    assert (tmp_path / "disk" / "w.safetensors").stat().st_size > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "w.safetensors"]


def test_a_name_as_long_as_a_file_system_takes_is_written(tmp_path):
    name = "é" * 125 + ".csv"
    write_text(tmp_path / name, "a")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("x")])
def test_nothing_is_left_of_a_file_that_could_not_be_written(error, tmp_path):
    def refuse(path):
        path.write_text("half")
        raise error

    with pytest.raises((ResourceError, KeyboardInterrupt, ValueError)):
        write_atomically(tmp_path / "a.csv", refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_the_flag_that_says_where(tmp_path):
    (tmp_path / "file").write_text("")
    for flag in ("--out", "--figures", "--csv"):
        with pytest.raises(ResourceError) as error:
            require_writable(tmp_path / "file" / "a", flag)
        assert error.value.do == f"pass another {flag}"


REMEDIES = {
    "full": (OSError(errno.ENOSPC, ""), "free space, or pass another --out", "free space"),
    "a quota": (OSError(errno.EDQUOT, ""), "free space, or pass another --out", "free space"),
    "of safetensors": (ValueError("No space left (os error 28)"), "free space, or pass another --out", "free space"),
    "read-only": (OSError(errno.EROFS, ""), "pass another --out", "make the folder writable"),
    "a permission": (PermissionError(errno.EACCES, ""), "pass another --out", "make the folder writable"),
    "a bad sector": (OSError(errno.EIO, ""), "pass another --out", "check the disk"),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_space_helps_where_a_disk_is_full_and_nowhere_else(name):
    error, with_a_flag, without = REMEDIES[name]
    assert writing_remedy(error, "pass another --out") == with_a_flag
    assert writing_remedy(error) == without


def test_a_folder_that_is_tried_is_not_kept(tmp_path):
    require_writable(tmp_path / "runs" / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    require_writable(tmp_path / "runs" / "a")
    require_writable(tmp_path / "runs")
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]


def test_what_a_killed_process_left_is_found_whatever_the_name(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from senet.utils.files import write_atomically\n"
        "write_atomically(Path(sys.argv[1]), lambda path: os._exit(9))"
    )
    for name in ("a.csv", "b" * 250):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
