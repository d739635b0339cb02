"""A pickle, looked through before it is read: what it names and calls, and whether reading it stays in bounds.

Nothing is built. The opcodes are those of torch's restricted reader, in its reading, so what is looked through is what
is read. It refuses what that reader would do without asking: make memory out of a number, hash tuples nested so deep
that the process dies, look up any codec, scanner a tensor as if it were a list.
"""

import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from pickle import decode_long
from typing import BinaryIO, NamedTuple

DEEPEST = 64  # tuples within tuples
MOST_NAMES = 1000
CODECS = ("latin1", "latin-1", "utf-8", "utf8", "ascii")

# Names that an honest checkpoint has no use for. What they name is never reached; a file that asks for it is refused.
SYSTEM_MODULES = frozenset(
    (
        *("os", "posix", "nt", "sys", "subprocess", "_posixsubprocess", "_winapi", "pty", "shutil", "socket", "ctypes"),
        *("importlib", "runpy", "multiprocessing", "codeop", "webbrowser", "marshal", "timeit", "pdb", "bdb"),
    )
)
BUILTINS = frozenset(
    f"builtins.{name}" for name in ("eval", "exec", "compile", "open", "__import__", "breakpoint", "input", "exit")
)
# Made by torch's own functions, and of no use as weights here.
UNSUPPORTED_TENSORS = {
    "torch._utils._rebuild_qtensor": "quantised tensors",
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
    "torch._utils._rebuild_wrapper_subclass": "tensors without data of their own",
}
PLAIN_ARGUMENTS = ("builtins.set", "collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device")
REBUILD_FROM_TYPE = "torch._tensor._rebuild_from_type_v2"


class RefusedError(Exception):
    """Why a pickle is not read.

    Args:
        what: In words.
        asks: The name, where it asks for what runs commands or reaches the machine.
    """

    def __init__(self, what: str, asks: str = "") -> None:
        super().__init__(what)
        self.asks = asks


class StackValue(NamedTuple):
    """What is known of an object on the stack: its nesting as a tuple, the name it is of, text or number, items."""

    depth: int = 0
    name: str = ""
    made: bool = False
    constant: str | int | None = None
    items: "tuple[StackValue, ...] | None" = None


UNKNOWN = StackValue()
OpHandler = Callable[["PickleScanner"], None]


class PickleScanner:
    """One pickle, stepped through.

    Args:
        file: At its start; stands behind it afterwards.
        largest: Elements that a storage can have, which is no more than the file has bytes.
    """

    def __init__(self, file: BinaryIO, largest: int) -> None:
        self.file, self.largest = file, largest
        self.stack: list[StackValue] = []
        self.marks: list[list[StackValue]] = []
        self.memo: dict[int, StackValue] = {}
        self.names: dict[str, None] = {}
        self.filled_as_dict: set[str] = set()
        self.filled_as_list: set[str] = set()
        self.storages: set[str] = set()
        self.texts: set[str] = set()

    def run(self) -> "PickleScanner":
        """Step through to the end.

        Raises:
            RefusedError: It is no pickle that can be read, or not to be read.
        """
        try:
            while (op := self.file.read(1)) != pickle.STOP:
                if op not in OP_HANDLERS:
                    raise RefusedError(f"pickle opcode {op!r} is not of torch.save's" if op else "it is cut off")
                OP_HANDLERS[op](self)
        except (IndexError, KeyError, UnicodeDecodeError) as error:
            raise RefusedError("its pickle is damaged") from error
        return self

    def read_int(self, size: int) -> int:
        """Read a number of so many bytes."""
        data = self.file.read(size)
        if len(data) < size:
            raise RefusedError("it is cut off")
        return int.from_bytes(data, "little")

    def push_text(self, size: int) -> None:
        """Read text of a length that is said in so many bytes."""
        length = self.read_int(size)
        data = self.file.read(length)
        if len(data) < length:
            raise RefusedError("it is cut off")
        said = str(data, "utf-8", "surrogatepass")
        self.texts.add(said)
        self.stack.append(StackValue(constant=said))

    def check_protocol(self) -> None:
        """Torch's reader knows the opcodes of the second protocol alone."""
        said = self.read_int(1)
        if said != 2:
            raise RefusedError(f"it has pickle protocol {said}; only torch.save's own, 2, can be read without running")

    def push_global(self) -> None:
        """Push a class or function."""
        module, name = (self.file.readline()[:-1].decode("utf-8") for _ in range(2))
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if module.partition(".")[0] in SYSTEM_MODULES or full in BUILTINS:
            raise RefusedError("it asks for the system", full)
        self.names[full] = None
        if len(self.names) > MOST_NAMES:
            raise RefusedError(f"it names more than {MOST_NAMES:,} classes")
        self.stack.append(StackValue(name=full))

    def push_tuple(self, items: list[StackValue]) -> None:
        """Push a tuple."""
        depth = 1 + max((item.depth for item in items), default=0)
        if depth > DEEPEST:
            raise RefusedError(f"tuples are nested more than {DEEPEST} deep")
        self.stack.append(StackValue(depth, items=tuple(items)))

    def pop(self, count: int) -> list[StackValue]:
        """Pop so many values."""
        return [self.stack.pop() for _ in range(count)][::-1]

    def push_mark(self) -> None:
        """Begin a stack of its own."""
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[StackValue]:
        """Pop what was pushed since the mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def reduce(self) -> None:
        """A class or function is called, or an object is made of a class."""
        function, arguments = self.pop(2)
        require_call(function, arguments)
        self.stack.append(StackValue(name=function.name, made=True))

    def note_filled(self, filled: set[str]) -> None:
        """Something is put into the object on top."""
        if self.stack[-1].made:
            filled.add(self.stack[-1].name)

    def build(self) -> None:
        """An object gets its state."""
        target, state = self.pop(2)
        if target.name.startswith("torch.") and state.made:
            raise RefusedError(f"the state of a {target.name} is another object")
        self.stack.append(target)

    def push_storage(self) -> None:
        """Push a storage, by its type, key, device and number of elements."""
        said = self.stack.pop().items or ()
        key, count = (said[i].constant if i < len(said) else None for i in (2, 4))
        if not isinstance(count, int) or not 0 <= count <= self.largest:
            raise RefusedError(f"a storage of {count} elements, in a file of {self.largest:,} bytes")
        self.storages.add(str(key))
        self.stack.append(StackValue(made=True))


def require_call(function: StackValue, arguments: StackValue) -> None:
    """Refuse a call that torch's reader would make without a question, and that honest files do not have.

    Raises:
        RefusedError: It is one.
    """
    name, items = function.name, arguments.items
    if function.made or not name:
        raise RefusedError("it calls what another call returned")
    if items is None:
        raise RefusedError(f"{name} is called with what is no tuple")
    if name in UNSUPPORTED_TENSORS:
        raise RefusedError(f"it holds {UNSUPPORTED_TENSORS[name]}; only dense ones are read")
    constants = [item.constant for item in items]
    texts = all(isinstance(constant, str) for constant in constants)
    allowed = {
        "_codecs.encode": texts and len(constants) == 2 and constants[1] in CODECS,
        "builtins.bytearray": not items or (texts and len(constants) == 2 and constants[1] in CODECS),
        REBUILD_FROM_TYPE: len(items) == 4 and items[0].name.startswith("torch._utils._rebuild_"),
        **{known: not any(item.made for item in items) for known in PLAIN_ARGUMENTS},
    }.get(name, not items or not (name.startswith("torch.") and name.endswith(("Tensor", "Storage"))))
    if not allowed:
        raise RefusedError(f"{name} is called in a way that torch.save does not write")
    if name == REBUILD_FROM_TYPE:
        require_call(items[0], items[2])


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
