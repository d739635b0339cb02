"""The opcodes of torch.save's pickles, each with what it does to a scanner; any other is refused."""

import pickle
from collections.abc import Callable
from pickle import decode_long
from typing import BinaryIO

from senet.weights.files.pickled.rules import RefusedError, StackValue
from senet.weights.files.pickled.scan import UNKNOWN, PickleScanner

OpHandler = Callable[[PickleScanner], None]


def scan_pickle(file: BinaryIO, largest: int) -> PickleScanner:
    """Step through one pickle and return what was found.

    Args:
        file: At its start; stands behind it afterwards.
        largest: Elements that a storage can have, which is no more than the file has bytes.

    Raises:
        RefusedError: It is no pickle that can be read, or not to be read.
    """
    scanner = PickleScanner(file, largest)
    try:
        while (op := file.read(1)) != pickle.STOP:
            if op not in OP_HANDLERS:
                raise RefusedError(f"pickle opcode {op!r} is not of torch.save's" if op else "it is cut off")
            OP_HANDLERS[op](scanner)
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise RefusedError("its pickle is damaged") from error
    return scanner


def _constant(size: int, signed: bool) -> OpHandler:
    def push(scanner: PickleScanner) -> None:
        value = scanner.read_int(size)
        over = signed and value >= 1 << 8 * size - 1
        scanner.stack.append(StackValue(constant=value - (1 << 8 * size) if over else value))

    return push


def _long(scanner: PickleScanner) -> None:
    scanner.stack.append(StackValue(constant=decode_long(scanner.file.read(scanner.read_int(1)))))


def _push(scanner: PickleScanner) -> None:
    scanner.stack.append(UNKNOWN)


def _float(scanner: PickleScanner) -> None:
    scanner.read_int(8)
    scanner.stack.append(UNKNOWN)


def _get(size: int) -> OpHandler:
    return lambda scanner: scanner.stack.append(scanner.memo[scanner.read_int(size)])


def _put(size: int) -> OpHandler:
    return lambda scanner: scanner.memo.__setitem__(scanner.read_int(size), scanner.stack[-1])


def _filled(count: int | None, how: str) -> OpHandler:
    def fill(scanner: PickleScanner) -> None:
        _ = scanner.pop_mark() if count is None else scanner.pop(count)
        scanner.note_filled(scanner.filled_as_dict if how == "dict" else scanner.filled_as_list)

    return fill


OP_HANDLERS: dict[bytes, OpHandler] = {
    **dict.fromkeys((pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE), _push),
    **dict.fromkeys((pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.EMPTY_SET), _push),
    pickle.EMPTY_TUPLE: lambda scanner: scanner.push_tuple([]),
    pickle.TUPLE1: lambda scanner: scanner.push_tuple(scanner.pop(1)),
    pickle.TUPLE2: lambda scanner: scanner.push_tuple(scanner.pop(2)),
    pickle.TUPLE3: lambda scanner: scanner.push_tuple(scanner.pop(3)),
    pickle.TUPLE: lambda scanner: scanner.push_tuple(scanner.pop_mark()),
    pickle.MARK: PickleScanner.push_mark,
    pickle.BININT: _constant(4, signed=True),
    pickle.BININT1: _constant(1, signed=False),
    pickle.BININT2: _constant(2, signed=False),
    pickle.LONG1: _long,
    pickle.BINFLOAT: _float,
    pickle.BINUNICODE: lambda scanner: scanner.push_text(4),
    pickle.SHORT_BINSTRING: lambda scanner: scanner.push_text(1),
    pickle.BINGET: _get(1),
    pickle.LONG_BINGET: _get(4),
    pickle.BINPUT: _put(1),
    pickle.LONG_BINPUT: _put(4),
    pickle.PROTO: PickleScanner.check_protocol,
    pickle.GLOBAL: PickleScanner.push_global,
    pickle.REDUCE: PickleScanner.reduce,
    pickle.NEWOBJ: PickleScanner.reduce,
    pickle.BUILD: PickleScanner.build,
    pickle.APPEND: _filled(1, "list"),
    pickle.APPENDS: _filled(None, "list"),
    pickle.SETITEM: _filled(2, "dict"),
    pickle.SETITEMS: _filled(None, "dict"),
    pickle.BINPERSID: PickleScanner.push_storage,
}
