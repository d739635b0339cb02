"""What takes the place of every class and function that a pickle names and torch's restricted reader does not know."""

from collections import OrderedDict
from typing import Any

FOREIGN = "senet: foreign class"  # marks an ordered dict that stands in; no attribute of anybody's


class StubObject:
    """An object of a foreign class, or what a foreign function returned: it keeps what it was made of, inert.

    Slots alone: a pickle can set no other attribute, and so hide no method.
    """

    __slots__ = ("args", "state")
    foreign = ""
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> "StubObject":
        """Keep the arguments."""
        made = object.__new__(cls)
        made.args, made.state = args, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


class StubList(list[Any]):
    """As :class:`StubObject`, of a class that is filled like a list: ``collections.deque``, ``ListConfig``."""

    __slots__ = ("args", "state")
    foreign = ""
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> "StubList":
        """Keep the arguments."""
        made = super().__new__(cls)
        made.args, made.state = args, None
        return made

    def __init__(self, *args: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class StubDict:
    """Of a class that is filled like a dict, ``collections.defaultdict`` or ``CfgNode``: torch fills its own alone."""

    foreign = ""

    def __new__(cls, *args: Any) -> Any:
        """Return an ordered dict that knows whose place it takes."""
        made: OrderedDict[Any, Any] = OrderedDict()
        made.__dict__[FOREIGN] = cls.foreign
        return made


def make_stub(name: str, like: type) -> type:
    """Return a class that stands in for a name.

    Args:
        name: Module and name, as the pickle has it.
        like: One of the three above.
    """
    return type("Stub", (like,), {"__slots__": (), "foreign": name})


def foreign_name(value: object) -> str:
    """Return the name that a value stands in for, as an object or as the class itself; empty for any other."""
    if isinstance(value, StubObject | StubList):
        return type(value).foreign
    if isinstance(value, type) and issubclass(value, StubObject | StubList | StubDict):
        return value.foreign
    name = value.__dict__.get(FOREIGN, "") if type(value) is OrderedDict else ""
    return name if isinstance(name, str) else ""
