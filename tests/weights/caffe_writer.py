"""Write a .caffemodel: protobuf messages as Caffe's Net::ToProto lays them out."""

import struct

import torch


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def integer(number, value):
    return varint(number << 3) + varint(value)


def floats(values):
    return torch.as_tensor(values).flatten().float().numpy().astype("<f4").tobytes()


def blob(values, shape=None):
    shape = message(7, message(1, b"".join(map(varint, values.shape if shape is None else shape))))
    return shape + message(5, floats(values))


def old_blob(values):
    """A blob as Caffe wrote it before it had shapes of any number of axes."""
    axes = (1,) * (4 - values.ndim) + tuple(values.shape)
    return b"".join(integer(i, axis) for i, axis in enumerate(axes, start=1)) + message(5, floats(values))


def layer(name, kind, blobs, write=blob):
    parts = [message(1, name.encode()), message(2, kind.encode()), message(3, b"below"), message(4, name.encode())]
    parts += [message(6, varint(3 << 3 | 5) + struct.pack("<f", 1.0))] * len(blobs)  # decay_mult
    return message(100, b"".join(parts + [message(7, write(b)) for b in blobs] + [integer(10, 1)]))


def net(*layers):
    return message(1, b"a net") + integer(5, 0) + b"".join(layers)
