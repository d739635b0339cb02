"""What a pickle may call and name: the calls that torch's restricted reader would make unasked are refused."""

from typing import NamedTuple

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
