"""Names of a model's modules and tensors."""

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile


def within(name: str, modules: Collection[str]) -> bool:
    """Whether a tensor or module is one of these modules or lies in one of them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def shared_start(paths: Iterable[Sequence[str]]) -> list[str]:
    """Return what all paths of names begin with, name by name."""
    columns = zip(*paths, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
