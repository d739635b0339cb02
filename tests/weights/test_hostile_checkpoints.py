# Checkpoints that mean harm: each is a WeightsError, none runs code, none takes memory or time beyond its size.

import io
import os
import pickle
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from fuzz_checkpoints import legacy_of, repacked, saved
from fuzz_checkpoints import run as fuzz

from senet.errors import WeightsError
from senet.weights.files.read import read_weights

STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu%btQ"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\x00%b%b\x89ccollections\nOrderedDict\n)RtR"
FOUR = b"K\x04"


def number(value):
    return b"J" + struct.pack("<i", value)


def text(said):
    return b"X" + struct.pack("<I", len(said)) + said


def called(name, arguments=b")"):
    return b"c" + name.encode() + b"\n" + arguments + b"R"


def entry(value):
    """A pickle of a dict with a tensor under the name a, and something under b."""
    return b"\x80\x02}(" + text(b"a") + tensor() + text(b"b") + value + b"u."


def tensor(count=FOUR, size=b"K\x04\x85", stride=b"K\x01\x85"):
    return TENSOR % (count, size, stride)


def nested(depth):
    return b")" + b"\x85" * depth


HUGE = b"\x8a\x08" + struct.pack("<q", 1 << 40)
# What it is, and a word of the message.
HOSTILE = {
    "os.system": (called("os\nsystem", text(b"true") + b"\x85"), "os.system"),
    "posix.system": (called("posix\nsystem", text(b"true") + b"\x85"), "posix.system"),
    "its name in Python 2": (called("__builtin__\neval", text(b"1") + b"\x85"), "builtins.eval"),
    "exec": (called("builtins\nexec", text(b"1") + b"\x85"), "builtins.exec"),
    "subprocess": (called("subprocess\nPopen", text(b"true") + b"\x85"), "subprocess.Popen"),
    "os by another name": (called("os.path\nexists", text(b"/") + b"\x85"), "os.path.exists"),
    "a chain of getattr": (
        called("builtins\ngetattr", b"ctorch\nos\n" + text(b"system") + b"\x86") + text(b"true") + b"\x85R",
        "another call",
    ),
    "bytes of a number": (called("builtins\nbytearray", HUGE + b"\x85"), "bytearray"),
    "a storage of a number": (called("torch.storage\nUntypedStorage", HUGE + b"\x85"), "UntypedStorage"),
    "a tensor of a number": (called("torch\nFloatTensor", HUGE + b"\x85"), "FloatTensor"),
    "the same by new": (b"ctorch\nTensor\n" + HUGE + b"\x85\x81", "torch.Tensor"),
    "bytes through a type": (
        called("torch._tensor\n_rebuild_from_type_v2", b"(cbuiltins\nbytearray\nctorch\nTensor\n" + HUGE + b"\x85}t"),
        "_rebuild_from_type_v2",
    ),
    "and through it twice": (
        called(
            "torch._tensor\n_rebuild_from_type_v2",
            b"(ctorch._utils\n_rebuild_qtensor\nctorch\nTensor\n" + HUGE + b"\x85}t",
        ),
        "quantised",
    ),
    "any codec": (called("_codecs\nencode", text(b"a") + text(b"punycode") + b"\x86"), "_codecs.encode"),
    "a walk over a tensor": (called("builtins\nset", tensor() + b"\x85"), "builtins.set"),
    "a tensor for arguments": (called("collections\nOrderedDict", tensor()), "no tuple"),
    "a tensor for a state": (tensor() + tensor() + b"b", "state"),
    "tuples to be hashed": (b"}" + nested(500_000) + b"K\x01s", "nested"),
    "tuples in tuples by memo": (b")q\x01" + b"0" * 0 + b"h\x01h\x01\x86q\x01" * 500, "nested"),
    "a storage of more than the file": (tensor(number(1 << 30)), "storage"),
    "a storage of fewer than none": (tensor(number(-4)), "storage"),
    "another persistent id": (text(b"module") + b"\x85Q", "storage"),
    "no persistent id": (b"K\x01Q", "storage"),
    "sparse": (called("torch._utils\n_rebuild_sparse_tensor"), "sparse"),
    "a nested one": (called("torch._utils\n_rebuild_nested_tensor"), "nested tensors"),
    "no data": (called("torch._utils\n_rebuild_wrapper_subclass"), "without data"),
    "a stand-in for a storage": (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + called("torch.storage\n_load_from_bytes", text(b"x") + b"\x85")
        + b"K\x00K\x01\x85K\x01\x85\x89}tR",
        "torch.save",
    ),
    "a stand-in for a subclass": (
        called(
            "torch._tensor\n_rebuild_from_type_v2",
            b"(ctorch._utils\n_rebuild_parameter\ncmine\nTensor\n" + tensor() + b"\x89}\x87}t",
        ),
        "torch.save",
    ),
    "protocol 4": (b"\x80\x04" + b"N", "protocol 4"),
    "an opcode of others": (b"I1\n", "opcode"),
    "too many names": (b"".join(b"cm\nc%d\n" % i for i in range(1500)) + b"N", "1,000"),
    "nothing on the stack": (b"ttt", "damaged"),
    "no such memo": (b"h\xff", "damaged"),
    "cut off": (b"X\xff\xff\xff\xff", "cut off"),
}


def archive(path, data):
    path.write_bytes(repacked(saved({"a": torch.ones(4)}, legacy=False), lambda _: data))
    return path


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("case", HOSTILE)
def test_row_103_hostile_pickles_are_refused(tmp_path, case, old):
    value, said = HOSTILE[case]
    path = tmp_path / "w.pth"
    if old:
        path.write_bytes(legacy_of(entry(value)))
    else:
        archive(path, entry(value))
    with pytest.raises(WeightsError, match=said) as caught:
        read_weights(path)
    assert caught.value.where == str(path)
    assert caught.value.do


def test_the_frame_of_these_pickles_is_read(tmp_path):
    assert read_weights(archive(tmp_path / "w.pth", entry(tensor()))).tensors.keys() == {"a", "b"}


# Inert: what they name is never looked up, and they may stand beside the weights.
INERT = {
    "a loader of bytes": called("torch.storage\n_load_from_bytes", text(b"x") + b"\x85"),
    "torch.load": called("torch\nload", text(b"/etc/passwd") + b"\x85"),
    "a module that would be imported": called("antigravity\nfly"),
    "a name with dots": called("torch\nos.system", text(b"true") + b"\x85"),
    "a state": called("mine\nEvil") + b"}" + text(b"__class__") + b"ctorch\nTensor\nsb",
    "a state in slots": called("mine\nEvil") + b"N}" + text(b"__class__") + b"ctorch\nTensor\ns\x86b",
    "a list": called("mine\nEvil") + b"(K\x01K\x02e",
    "a dict": called("mine\nEvil") + b"(" + text(b"keys") + b"cmine\nOther\nu" + b"}" + text(b"items") + b"Nsb",
}


@pytest.mark.parametrize("case", INERT)
def test_row_103_what_foreign_names_would_do_is_not_done(tmp_path, case):
    before = set(sys.modules)
    data = b"\x80\x02}(" + text(b"model") + b"}" + text(b"a") + tensor() + b"s" + text(b"x") + INERT[case] + b"u."
    state = read_weights(archive(tmp_path / "w.pth", data))
    assert state.tensors.keys() == {"a"}
    assert type(state.tensors["a"]) is torch.Tensor
    assert set(sys.modules) == before
    assert state.contents.passed[0].startswith("x (")


def test_methods_that_a_file_hides_are_not_called(tmp_path):
    hidden = b"".join(text(name) + b"cmine\nEvil\n" for name in (b"items", b"get", b"keys", b"values", b"__class__"))
    data = b"\x80\x02ccollections\nOrderedDict\n)R" + text(b"a") + tensor() + b"s}(" + hidden + b"ub."
    assert read_weights(archive(tmp_path / "w.pth", data)).tensors.keys() == {"a"}
    state = b"}(" + text(b"detach") + b"cmine\nEvil\n" + text(b"numel") + b"cmine\nEvil\nu"
    value = called("torch._utils\n_rebuild_parameter_with_state", b"(" + tensor() + b"\x89}" + state + b"t")
    found = read_weights(archive(tmp_path / "v.pth", b"\x80\x02}" + text(b"a") + value + b"s.")).tensors["a"]
    assert type(found) is torch.Tensor
    assert found.tolist() == [1.0] * 4


def test_numbers_that_are_repeated_without_end(tmp_path):
    wide = tensor(size=number(1 << 20) + number(1 << 20) + b"\x86", stride=b"K\x00K\x00\x86")
    with pytest.raises(WeightsError, match="far smaller storage"):
        read_weights(archive(tmp_path / "w.pth", b"\x80\x02}" + text(b"a") + wide + b"s."))


def test_archives_that_unpack_to_far_more_than_they_are(tmp_path):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("w/data.pkl", bytes(10_000_000))
    with pytest.raises(WeightsError, match="unpack to 10,000,000"):
        read_weights(path)


def test_compiled_code_is_named_and_not_run(tmp_path):
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as out:
        for name in ("data.pkl", "constants.pkl", "code/x.py"):
            out.writestr(f"w/{name}", pickle.dumps({}, 2))
    with pytest.raises(WeightsError, match="TorchScript"):
        read_weights(path)


def test_values_that_an_old_file_lacks_are_not_made_up(tmp_path):
    content = saved({"a": torch.ones(4)}, legacy=True)
    keys = content.rindex(b"\x80\x02]")
    path = tmp_path / "w.pth"
    path.write_bytes(content[:keys] + b"\x80\x02].")
    with pytest.raises(WeightsError, match="lacks the values"):
        read_weights(path)


def test_modules_within_themselves(tmp_path):
    part = b"".join(text(name) + b"}" for name in (b"_parameters", b"_buffers"))
    data = b"\x80\x02cmine\nNet\n)\x81q\x01}(" + part + text(b"_modules") + b"}" + text(b"m") + b"h\x01sub."
    with pytest.raises(WeightsError, match="nested more than 100 deep"):
        read_weights(archive(tmp_path / "w.pth", data))


def test_what_the_process_allows_to_torch_is_neither_used_nor_lost(tmp_path):
    ran, before = [], torch.serialization.get_safe_globals()

    class Allowed:
        def __setstate__(self, state):
            ran.append(state)

    Allowed.__module__, Allowed.__qualname__ = "mine", "Allowed"
    data = b"\x80\x02}(" + text(b"model") + b"}" + text(b"a") + tensor() + b"s" + text(b"x")
    with torch.serialization.safe_globals([Allowed]):
        read_weights(archive(tmp_path / "w.pth", data + called("mine\nAllowed") + b"}bu."))
        assert {*torch.serialization.get_safe_globals()} == {*before, Allowed}
    assert not ran
    with pytest.raises(WeightsError):
        read_weights(archive(tmp_path / "v.pth", data + b"RRR."))
    assert {*torch.serialization.get_safe_globals()} == {*before}


def test_readers_in_several_threads(tmp_path):
    value, before = {"model": {"a": torch.ones(4)}, "x": io.StringIO}, {*torch.serialization.get_safe_globals()}
    (tmp_path / "w.pth").write_bytes(saved(value, legacy=False))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(read_weights(tmp_path / "w.pth").contents.passed))
        for _ in range(8)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [("x (_io.StringIO)",)] * 8
    assert {*torch.serialization.get_safe_globals()} == before


def test_row_103_mutated_checkpoints_load_or_are_refused_and_run_nothing(tmp_path, capsys):
    assert fuzz(3600, 60, 3, tmp_path) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_row_103_thousands_of_mutated_checkpoints(tmp_path):
    script = Path(__file__).with_name("fuzz_checkpoints.py")
    command = [sys.executable, str(script), "--cases", "5000", "--seed", "4", "--folder", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    assert '"refused"' in done.stdout
