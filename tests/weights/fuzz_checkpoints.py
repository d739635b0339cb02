"""Checkpoints, honest and hostile, mutated and read: each loads or is a WeightsError, and no code runs.

    python tests/weights/fuzz_checkpoints.py --seconds 3600 --seed 1

A case that crashes the process is left as the file that it was read from.
"""

import argparse
import collections
import datetime
import enum
import io
import json
import pathlib
import pickle
import random
import resource
import struct
import sys
import tempfile
import threading
import time
import warnings
import zipfile
from collections import Counter

import numpy as np
import torch
from torch import nn

from senet.errors import WeightsError
from senet.weights.files.read import read_weights

SLOW, GROWN = 10.0, 1 << 20  # seconds a case; KiB that the process may grow in all
EVIL = [
    *("builtins\neval", "builtins\ngetattr", "os\nsystem", "posix\nsystem", "subprocess\nPopen", "nt\nsystem"),
    *("torch\nload", "torch.hub\nload", "torch.storage\n_load_from_bytes", "runpy\nrun_path", "antigravity\nfly"),
    *("torch.serialization\nload", "torch._utils\n_import_dotted_name", "torch.utils.cpp_extension\nload_inline"),
    *("collections\nOrderedDict", "collections\nCounter", "builtins\nbytearray", "builtins\nset", "torch\nSize"),
    *("_codecs\nencode", "torch\nFloatTensor", "torch\nTensor", "torch.storage\nUntypedStorage", "torch\ndevice"),
    *("torch._utils\n_rebuild_qtensor", "torch._utils\n_rebuild_sparse_tensor", "torch\nFloatStorage"),
    *("torch._utils\n_rebuild_parameter_with_state", "torch._tensor\n_rebuild_from_type_v2"),
    *("torch._utils\n_rebuild_wrapper_subclass", "torch._utils\n_rebuild_meta_tensor_no_storage", "torch\nfloat32"),
    *("torch._utils\n_rebuild_tensor_v2", "torch._utils\n_rebuild_tensor_v3", "torch.nn.parameter\nParameter"),
    *("torch._utils\n_rebuild_device_tensor_from_numpy", "torch._utils\n_rebuild_nested_tensor"),
    *("mine.models\nNet", "numpy\nndarray", "numpy.core.multiarray\nscalar", "torch.nn.modules.conv\nConv2d"),
]
OPCODES = [b"R", b"\x81", b"b", b"a", b"e", b"s", b"u", b"t", b"\x85", b"\x86", b"\x87", b"(", b")", b"}", b"]", b"Q"]
OPCODES += [b"N", b"\x88", b"\x89", b"\x8f", b"h\x00", b"h\x05", b"q\x00", b"K\x01", b"J\xff\xff\xff\x7f", b"."]
OPCODES += [b"X\x03\x00\x00\x00abc", b"U\x02ab", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"G?\xf0" + bytes(6), b"0", b"2"]


class Color(enum.Enum):
    RED = 1


class Anything(dict):
    def __init__(self, **values):
        super().__init__(values)
        self.__dict__["frozen"] = True


def honest():
    """Yield what people save."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    state, args = net.state_dict(), argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("/a"), kind=Color.RED)
    average = torch.optim.swa_utils.AveragedModel(net).state_dict()
    moved = {i: {"momentum_buffer": torch.ones(2)} for i in range(3)}
    optimizer = {"state": moved, "param_groups": [{"lr": 0.1, "nesterov": False, "params": [0, 1, 2]}]}
    history = collections.deque([np.float64(1.5), datetime.datetime(2020, 1, 1)], maxlen=5)
    yield state
    yield {"state_dict": state, "state_dict_ema": state, "args": args, "metric": np.float32(3), "epoch": 3}
    yield {"model": state, "model_ema": average, "optimizer": optimizer, "args": args}
    yield {"model": net, "ema": net, "train_args": {"a": 1}, "array": np.arange(3)}
    yield {"state_dict": {f"model.{k}": v for k, v in state.items()}, "config": Anything(a=1), "history": history}
    yield net
    yield {"state_dict": {"half": torch.ones(2).half(), "flag": torch.tensor(True), "p": nn.Parameter(torch.ones(2))}}


def saved(value, legacy):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def repacked(content, change, compression=zipfile.ZIP_STORED):
    """Change the pickle in an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name.endswith("data.pkl") else old.read(name))
    return out.getvalue()


def hostile(draw):
    """Return a pickle of random opcodes and names, which is well-formed more often than not."""
    parts = [b"\x80\x02"]
    for _ in range(draw.randint(1, 60)):
        what = draw.random()
        if what < 0.3:
            parts.append(b"c" + draw.choice(EVIL).encode() + b"\n")
        elif what < 0.45:
            parts.append(draw.choice((b")", b"X\x02\x00\x00\x00id\x85", b"K\x05\x85", b"}\x85")))
            parts.append(draw.choice((b"R", b"\x81")))
        elif what < 0.55:
            count = draw.choice((0, 1, 4, 1 << 20, (1 << 31) - 1))
            pid = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ"
            parts.append(pid + struct.pack("<i", count) + b"tQ")
        elif what < 0.6:
            parts.append(b"\x85" * draw.choice((1, 10, 1000, 100_000)))
        else:
            parts.append(draw.choice(OPCODES))
    return b"".join([*parts, b"."])


def mutated(data, draw):
    """Flip, drop, repeat and insert bytes; swap names for hostile ones."""
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        at, kind = draw.randrange(max(len(data), 1)), draw.randrange(6)
        if kind == 0 and data:
            data[at] = draw.randrange(256)
        elif kind == 1:
            del data[at : at + draw.randint(1, 8)]
        elif kind == 2:
            data[at:at] = draw.choice(OPCODES)
        elif kind == 3:
            data[at:at] = data[at : at + draw.randint(1, 64)]
        elif kind == 4:
            names = [i for i in range(len(data)) if data[i : i + 1] == b"c" and b"\n" in data[i : i + 60]]
            if names:
                start = draw.choice(names)
                end = data.find(b"\n", data.find(b"\n", start) + 1)
                data[start + 1 : end] = draw.choice(EVIL).encode()
        else:
            data[at : at + 8] = struct.pack("<q", draw.choice((-1, 0, 1 << 31, 1 << 62)))
    return bytes(data)


def case(seeds, draw):
    """Return the bytes of one file."""
    content = draw.choice(seeds)
    archive, how = content.startswith(b"PK"), draw.random()
    if archive and how < 0.45:
        return repacked(content, lambda data: mutated(data, draw), draw.choice((0, 0, 8)))
    if archive and how < 0.8:
        return repacked(content, lambda data: hostile(draw))
    if not archive and how < 0.4:
        return legacy_of(hostile(draw))
    return mutated(content, draw)


def legacy_of(data):
    head = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    return head + data + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16)


class Watch:
    """Notes whatever a reader has no business to do; the hook stays for the life of the process."""

    EVENTS = ("exec", "compile", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "marshal.", "code.", "pty.")

    def __init__(self):
        self.on, self.seen, self.path, self.thread = False, [], "", threading.get_ident()
        sys.addaudithook(self.hook)

    def hook(self, event, args):
        if not self.on or threading.get_ident() != self.thread:
            return
        own = event == "open" and str(args[0]) == self.path
        if event == "import" or (event == "open" and not own) or event.startswith(self.EVENTS):
            self.seen.append((event, str(args)[:200]))


def run(seconds, most, seed, folder):
    draw = random.Random(seed)
    seeds = [saved(value, legacy) for value in honest() for legacy in (False, True)]
    path, watch, counts = pathlib.Path(folder) / "case.pth", Watch(), Counter()
    for content in (*seeds, b"\x80\x02."):  # what is imported at first use is imported before the watch begins
        outcome(path, content)
    "".encode("cp437")  # of the names in old archives
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watch.path = str(path)
    end = time.monotonic() + seconds
    while time.monotonic() < end and sum(counts.values()) < most:
        content, start = case(seeds, draw), time.monotonic()
        path.write_bytes(content)
        watch.on = True
        said = outcome(path)
        watch.on = False
        counts[said.partition(":")[0]] += 1
        if sum(counts.values()) % 20_000 == 0:
            print(json.dumps(counts), flush=True)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if watch.seen or time.monotonic() - start > SLOW or grown > GROWN or said.startswith("crash"):
            kept = path.rename(path.with_name(f"bad-{sum(counts.values())}.pth"))
            print(f"{kept}: {said}, {watch.seen[:3]}, {time.monotonic() - start:.1f} s, grown {grown} KiB", flush=True)
            return 1
    print(json.dumps({"cases": sum(counts.values()), **counts}), flush=True)
    return 0


def outcome(path, content=None):
    if content is not None:
        path.write_bytes(content)
    try:
        read_weights(path)
    except WeightsError as error:
        return "refused" if error.where else f"crash: no place in {error}"
    except Exception as error:
        return f"crash: {error!r}"
    return "loaded"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", default=None)
    asked = parser.parse_args()
    sys.exit(run(asked.seconds, asked.cases, asked.seed, asked.folder or tempfile.mkdtemp()))
