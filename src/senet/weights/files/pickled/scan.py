"""A pickle, looked through before it is read: what it names and calls, and whether reading it stays in bounds.

Nothing is built. The opcodes are those of torch's restricted reader, in its reading, so what is looked through is what
is read. It refuses what that reader would do without asking: make memory out of a number, hash tuples nested so deep
that the process dies, look up any codec, walk a tensor as if it were a list.
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
SYSTEM = frozenset(
    (
        *("os", "posix", "nt", "sys", "subprocess", "_posixsubprocess", "_winapi", "pty", "shutil", "socket", "ctypes"),
        *("importlib", "runpy", "multiprocessing", "codeop", "webbrowser", "marshal", "timeit", "pdb", "bdb"),
    )
)
BUILTINS = frozenset(
    f"builtins.{name}" for name in ("eval", "exec", "compile", "open", "__import__", "breakpoint", "input", "exit")
)
# Made by torch's own functions, and of no use as weights here.
KINDS = {
    "torch._utils._rebuild_qtensor": "quantised tensors",
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
    "torch._utils._rebuild_wrapper_subclass": "tensors without data of their own",
}
PLAIN_ARGUMENTS = ("builtins.set", "collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device")
TYPED = "torch._tensor._rebuild_from_type_v2"


class RefusedError(Exception):
    """Why a pickle is not read.

    Args:
        what: In words.
        asks: The name, where it asks for what runs commands or reaches the machine.
    """

    def __init__(self, what: str, asks: str = "") -> None:
        super().__init__(what)
        self.asks = asks


class Value(NamedTuple):
    """What is known of an object on the stack: its nesting as a tuple, the name it is of, text or number, items."""

    depth: int = 0
    name: str = ""
    made: bool = False
    constant: str | int | None = None
    items: "tuple[Value, ...] | None" = None


OBJECT = Value()
Step = Callable[["Walk"], None]


class Walk:
    """One pickle, stepped through.

    Args:
        file: At its start; stands behind it afterwards.
        largest: Elements that a storage can have, which is no more than the file has bytes.
    """

    def __init__(self, file: BinaryIO, largest: int) -> None:
        self.file, self.largest = file, largest
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: dict[int, Value] = {}
        self.names: dict[str, None] = {}
        self.filled_as_dict: set[str] = set()
        self.filled_as_list: set[str] = set()
        self.storages: set[str] = set()
        self.texts: set[str] = set()

    def run(self) -> "Walk":
        """Step through to the end.

        Raises:
            RefusedError: It is no pickle that can be read, or not to be read.
        """
        try:
            while (op := self.file.read(1)) != pickle.STOP:
                if op not in STEPS:
                    raise RefusedError(f"pickle opcode {op!r} is not of torch.save's" if op else "it is cut off")
                STEPS[op](self)
        except (IndexError, KeyError, UnicodeDecodeError) as error:
            raise RefusedError("its pickle is damaged") from error
        return self

    def number(self, size: int) -> int:
        """Read a number of so many bytes."""
        data = self.file.read(size)
        if len(data) < size:
            raise RefusedError("it is cut off")
        return int.from_bytes(data, "little")

    def text(self, size: int) -> None:
        """Read text of a length that is said in so many bytes."""
        length = self.number(size)
        data = self.file.read(length)
        if len(data) < length:
            raise RefusedError("it is cut off")
        said = str(data, "utf-8", "surrogatepass")
        self.texts.add(said)
        self.stack.append(Value(constant=said))

    def protocol(self) -> None:
        """Torch's reader knows the opcodes of the second protocol alone."""
        said = self.number(1)
        if said != 2:
            raise RefusedError(f"it has pickle protocol {said}; only torch.save's own, 2, can be read without running")

    def name(self) -> None:
        """Push a class or function."""
        module, name = (self.file.readline()[:-1].decode("utf-8") for _ in range(2))
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if module.partition(".")[0] in SYSTEM or full in BUILTINS:
            raise RefusedError("it asks for the system", full)
        self.names[full] = None
        if len(self.names) > MOST_NAMES:
            raise RefusedError(f"it names more than {MOST_NAMES:,} classes")
        self.stack.append(Value(name=full))

    def tuple(self, items: list[Value]) -> None:
        """Push a tuple."""
        depth = 1 + max((item.depth for item in items), default=0)
        if depth > DEEPEST:
            raise RefusedError(f"tuples are nested more than {DEEPEST} deep")
        self.stack.append(Value(depth, items=tuple(items)))

    def last(self, count: int) -> list[Value]:
        """Pop so many values."""
        return [self.stack.pop() for _ in range(count)][::-1]

    def mark(self) -> None:
        """Begin a stack of its own."""
        self.marks.append(self.stack)
        self.stack = []

    def marked(self) -> list[Value]:
        """Pop what was pushed since the mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def call(self) -> None:
        """A class or function is called, or an object is made of a class."""
        function, arguments = self.last(2)
        require_call(function, arguments)
        self.stack.append(Value(name=function.name, made=True))

    def fill(self, filled: set[str]) -> None:
        """Something is put into the object on top."""
        if self.stack[-1].made:
            filled.add(self.stack[-1].name)

    def build(self) -> None:
        """An object gets its state."""
        target, state = self.last(2)
        if target.name.startswith("torch.") and state.made:
            raise RefusedError(f"the state of a {target.name} is another object")
        self.stack.append(target)

    def storage(self) -> None:
        """Push a storage, by its type, key, device and number of elements."""
        said = self.stack.pop().items or ()
        key, count = (said[i].constant if i < len(said) else None for i in (2, 4))
        if not isinstance(count, int) or not 0 <= count <= self.largest:
            raise RefusedError(f"a storage of {count} elements, in a file of {self.largest:,} bytes")
        self.storages.add(str(key))
        self.stack.append(Value(made=True))


def require_call(function: Value, arguments: Value) -> None:
    """Refuse a call that torch's reader would make without a question, and that honest files do not have.

    Raises:
        RefusedError: It is one.
    """
    name, items = function.name, arguments.items
    if function.made or not name:
        raise RefusedError("it calls what another call returned")
    if items is None:
        raise RefusedError(f"{name} is called with what is no tuple")
    if name in KINDS:
        raise RefusedError(f"it holds {KINDS[name]}; only dense ones are read")
    constants = [item.constant for item in items]
    texts = all(isinstance(constant, str) for constant in constants)
    allowed = {
        "_codecs.encode": texts and len(constants) == 2 and constants[1] in CODECS,
        "builtins.bytearray": not items or (texts and len(constants) == 2 and constants[1] in CODECS),
        TYPED: len(items) == 4 and items[0].name.startswith("torch._utils._rebuild_"),
        **{known: not any(item.made for item in items) for known in PLAIN_ARGUMENTS},
    }.get(name, not items or not (name.startswith("torch.") and name.endswith(("Tensor", "Storage"))))
    if not allowed:
        raise RefusedError(f"{name} is called in a way that torch.save does not write")
    if name == TYPED:
        require_call(items[0], items[2])


def _constant(size: int, signed: bool) -> Step:
    def push(walk: Walk) -> None:
        value = walk.number(size)
        over = signed and value >= 1 << 8 * size - 1
        walk.stack.append(Value(constant=value - (1 << 8 * size) if over else value))

    return push


def _long(walk: Walk) -> None:
    walk.stack.append(Value(constant=decode_long(walk.file.read(walk.number(1)))))


def _push(walk: Walk) -> None:
    walk.stack.append(OBJECT)


def _float(walk: Walk) -> None:
    walk.number(8)
    walk.stack.append(OBJECT)


def _get(size: int) -> Step:
    return lambda walk: walk.stack.append(walk.memo[walk.number(size)])


def _put(size: int) -> Step:
    return lambda walk: walk.memo.__setitem__(walk.number(size), walk.stack[-1])


def _filled(count: int | None, how: str) -> Step:
    def fill(walk: Walk) -> None:
        _ = walk.marked() if count is None else walk.last(count)
        walk.fill(walk.filled_as_dict if how == "dict" else walk.filled_as_list)

    return fill


STEPS: dict[bytes, Step] = {
    **dict.fromkeys((pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE), _push),
    **dict.fromkeys((pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.EMPTY_SET), _push),
    pickle.EMPTY_TUPLE: lambda walk: walk.tuple([]),
    pickle.TUPLE1: lambda walk: walk.tuple(walk.last(1)),
    pickle.TUPLE2: lambda walk: walk.tuple(walk.last(2)),
    pickle.TUPLE3: lambda walk: walk.tuple(walk.last(3)),
    pickle.TUPLE: lambda walk: walk.tuple(walk.marked()),
    pickle.MARK: Walk.mark,
    pickle.BININT: _constant(4, signed=True),
    pickle.BININT1: _constant(1, signed=False),
    pickle.BININT2: _constant(2, signed=False),
    pickle.LONG1: _long,
    pickle.BINFLOAT: _float,
    pickle.BINUNICODE: lambda walk: walk.text(4),
    pickle.SHORT_BINSTRING: lambda walk: walk.text(1),
    pickle.BINGET: _get(1),
    pickle.LONG_BINGET: _get(4),
    pickle.BINPUT: _put(1),
    pickle.LONG_BINPUT: _put(4),
    pickle.PROTO: Walk.protocol,
    pickle.GLOBAL: Walk.name,
    pickle.REDUCE: Walk.call,
    pickle.NEWOBJ: Walk.call,
    pickle.BUILD: Walk.build,
    pickle.APPEND: _filled(1, "list"),
    pickle.APPENDS: _filled(None, "list"),
    pickle.SETITEM: _filled(2, "dict"),
    pickle.SETITEMS: _filled(None, "dict"),
    pickle.BINPERSID: Walk.storage,
}
