"""Protobuf's wire format, bounds-checked: fields between two offsets of a buffer, never read before they are asked.

A message within a message is a field of bytes; whoever knows it walks it with :meth:`Wire.fields`. Nothing here
recurses, and the number of fields is bounded, so a hostile file costs no more than its size.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

MOST_FIELDS = 200_000  # ten times those of SENet-154
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LENGTHS = {FIXED64: 8, FIXED32: 4}


class MalformedError(Exception):
    """Something at an offset that cannot be."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"offset {offset}: {what}")


@dataclass(frozen=True)
class Field:
    """One field: where it starts, its number and wire type, its value or the bounds of its bytes."""

    offset: int
    number: int
    wire: int
    value: int
    start: int
    end: int


class Wire:
    """A buffer of fields; counts those that it has seen.

    Args:
        buffer: The file.
    """

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer, self.left = buffer, MOST_FIELDS

    def fields(self, at: int, end: int) -> Iterator[Field]:
        """Walk the fields between two offsets."""
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise MalformedError(at, f"more than {MOST_FIELDS} fields")
            offset = at
            tag, at = self.varint(at, end)
            number, wire, value, start = tag >> 3, tag & 7, 0, at
            if not 0 < number < 1 << 29:
                raise MalformedError(offset, f"a field numbered {number}")
            if wire == VARINT:
                value, at = self.varint(at, end)
            elif wire == BYTES:
                length, start = self.varint(at, end)
                at = start + length
            elif wire in LENGTHS:
                at = start + LENGTHS[wire]
            else:
                raise MalformedError(offset, f"wire type {wire} in field {number}")
            if at > end:
                raise MalformedError(offset, f"field {number} runs {at - end} bytes past the end of its message")
            yield Field(offset, number, wire, value, start, at)

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Read an unsigned number of up to 64 bits; return it and the offset after it."""
        value = 0
        for i in range(10):
            if at + i >= end:
                raise MalformedError(at, "a number runs past the end of its message")
            byte = self.buffer[at + i]
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                return value & (1 << 64) - 1, at + i + 1
        raise MalformedError(at, "a number of more than 10 bytes")


def expect(field: Field, wire: int) -> Field:
    """Refuse a field of another wire type than the known field of its number has."""
    if field.wire != wire:
        raise MalformedError(field.offset, f"wire type {field.wire} in field {field.number}, expected {wire}")
    return field
