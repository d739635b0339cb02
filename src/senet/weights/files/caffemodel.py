"""Read a ``.caffemodel``: the protobuf wire format, bounds-checked, for the few fields that hold weights.

Fields after caffe.proto of github.com/BVLC/caffe: NetParameter.layer = 100 (V1's ``layers`` = 2 is refused);
LayerParameter.name = 1, type = 2, blobs = 7; BlobProto.num, channels, height, width = 1..4, data = 5, shape = 7,
double_data = 8; BlobShape.dim = 1. Everything else is skipped by its length, unread, so depth costs nothing.
"""

import math
import mmap
from pathlib import Path

import torch
from torch import Tensor

from senet.errors import WeightsError
from senet.weights.files.protobuf import BYTES, VARINT, Field, MalformedError, Wire, expect

# Of the released files SENet-154 has the most: 930 layers, of up to 4 blobs of up to 4 axes.
MOST_LAYERS, MOST_BLOBS, MOST_AXES, LONGEST_NAME, LONGEST_AXIS = 20_000, 16, 32, 1_000, 2**31
DTYPES = {5: torch.float32, 8: torch.float64}  # data, double_data


def read_caffemodel(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the blobs of all layers, in time and memory bounded by the file's size.

    Returns:
        ``<layer>.blobs.<i>`` -> tensor, and layer -> Caffe's type of it.

    Raises:
        WeightsError: The file is damaged, no protobuf, or of Caffe's V1 format; says at which offset.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            return _net(Wire(buffer))
    except MalformedError as error:
        raise WeightsError(f"not a readable .caffemodel: {error}", where=str(path), do="fetch it again") from error
    except (OSError, ValueError) as error:  # mmap refuses an empty file
        raise WeightsError(f"cannot read: {error}", where=str(path), do="check the path") from error


def _net(wire: Wire) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a NetParameter."""
    tensors: dict[str, Tensor] = {}
    types: dict[str, str] = {}
    layers = 0
    for field in wire.fields(0, len(wire.buffer)):
        if field.number == 2:
            raise MalformedError(
                field.offset, "a layer of Caffe's old V1 format; upgrade it with upgrade_net_proto_binary"
            )
        if field.number != 100:
            continue
        layers += 1
        if layers > MOST_LAYERS:
            raise MalformedError(field.offset, f"more than {MOST_LAYERS} layers")
        name, kind, blobs = _layer(wire, expect(field, BYTES))
        if blobs and (name in types or not name):
            raise MalformedError(field.offset, f"a second layer called {name!r}" if name else "a layer without a name")
        if blobs:
            types[name] = kind
            tensors |= {f"{name}.blobs.{i}": blob for i, blob in enumerate(blobs)}
    if not tensors:
        raise MalformedError(len(wire.buffer), "the end, and no layer with weights")
    return tensors, types


def _layer(wire: Wire, message: Field) -> tuple[str, str, list[Tensor]]:
    """Read a LayerParameter: name, type, blobs."""
    texts = {1: "", 2: ""}
    blobs: list[Tensor] = []
    for field in wire.fields(message.start, message.end):
        if field.number in texts:
            texts[field.number] = _text(wire, expect(field, BYTES))
        elif field.number == 7:
            if len(blobs) == MOST_BLOBS:
                raise MalformedError(field.offset, f"more than {MOST_BLOBS} blobs in a layer")
            blobs.append(_blob(wire, expect(field, BYTES)))
    return texts[1], texts[2], blobs


def _blob(wire: Wire, message: Field) -> Tensor:
    """Read a BlobProto: its values in its shape."""
    shape: tuple[int, ...] | None = None
    old = {1: 0, 2: 0, 3: 0, 4: 0}
    values: Tensor | None = None
    for field in wire.fields(message.start, message.end):
        if field.number in old:
            old[field.number] = expect(field, VARINT).value
        elif field.number == 7:
            shape = _shape(wire, expect(field, BYTES))
        elif field.number in DTYPES:
            if values is not None:
                raise MalformedError(field.offset, "a blob with two arrays of values")
            values = _values(wire, field, DTYPES[field.number])
    if values is None:
        raise MalformedError(message.offset, "a blob without values")
    shape = tuple(old.values()) if shape is None else shape
    if any(not 0 < axis <= LONGEST_AXIS for axis in shape) or math.prod(shape) != len(values):
        raise MalformedError(message.offset, f"a blob of shape {shape} with {len(values)} values")
    return values.reshape(shape)


def _shape(wire: Wire, message: Field) -> tuple[int, ...]:
    """Read a BlobShape, packed or not."""
    dims: list[int] = []
    for field in wire.fields(message.start, message.end):
        if field.number != 1:
            continue
        if field.wire == VARINT:
            dims.append(field.value)
        else:
            at = expect(field, BYTES).start
            while at < field.end and len(dims) <= MOST_AXES:
                value, at = wire.varint(at, field.end)
                dims.append(value)
        if len(dims) > MOST_AXES:
            raise MalformedError(field.offset, f"a shape of more than {MOST_AXES} axes")
    return tuple(dims)


def _values(wire: Wire, field: Field, dtype: torch.dtype) -> Tensor:
    """Copy a packed array of numbers; one field per number is legal protobuf, but Caffe never writes it."""
    expect(field, BYTES)
    raw = bytearray(wire.buffer[field.start : field.end])
    if len(raw) % dtype.itemsize:
        raise MalformedError(field.offset, f"{len(raw)} bytes of values of {dtype.itemsize} bytes each")
    return torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)


def _text(wire: Wire, field: Field) -> str:
    """Read a name."""
    if field.end - field.start > LONGEST_NAME:
        raise MalformedError(field.offset, f"a name of {field.end - field.start} bytes")
    try:
        return wire.buffer[field.start : field.end].decode()
    except UnicodeDecodeError as error:
        raise MalformedError(field.offset, "a name that is not UTF-8") from error
