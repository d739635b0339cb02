"""A pickle, looked through before it is read: what it names and calls, and whether reading it stays in bounds.

Nothing is built. The opcodes are those of torch's restricted reader, in its reading, so what is looked through is what
is read. It refuses what that reader would do without asking: make memory out of a number, hash tuples nested so deep
that the process dies, look up any codec, walk a tensor as if it were a list.
"""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import BinaryIO

from senet.weights.files.pickled.rules import (
    BUILTINS,
    DEEPEST,
    MOST_NAMES,
    SYSTEM_MODULES,
    RefusedError,
    StackValue,
    require_call,
)

UNKNOWN = StackValue()


class PickleScanner:
    """The state of a scan: the pickle machine's stack and memo, and what was found.

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
